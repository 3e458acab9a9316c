import type { Figures } from "./figures.ts";
import { interleave, median, medianRatio } from "./measure.ts";
import { embeddedModel } from "./models.ts";
import { openLocal } from "./prompts.ts";
import { repeatedWork, runUpdate, sharedWork, updateTask } from "./update_work.ts";

/**
 * What sharing prompts gains: forward and backward of 8 groups of 8 completions with 24 tokens after prompts of 96,
 * each prompt and image once, against the same 64 rollouts with their prompts and images repeated. The shared form is one
 * graph; the repeated one runs in micro-batches of the trainer's usual size, so that it does not suffer from
 * outgrowing the cache.
 */
export async function benchSharedPrefix(threads: number, rounds: number, scratch: string): Promise<Figures> {
  const folder = await embeddedModel(scratch);
  await using policy = await openLocal(folder, threads);
  const task = await updateTask(policy);
  const forms = { shared: sharedWork(task), repeated: repeatedWork(task) };
  const { shared, repeated } = await interleave(
    { shared: () => runUpdate(policy, forms.shared), repeated: () => runUpdate(policy, forms.repeated) },
    rounds,
  );
  return {
    update_speedup_shared_prefix: { value: medianRatio(repeated, shared), unit: "x" },
    update_shared_seconds: { value: median(shared), unit: "s" },
    update_repeated_seconds: { value: median(repeated), unit: "s" },
  };
}
