import type { ActivityView } from "../embedded/activity.ts";
import type { LocalPolicyOptions } from "../embedded/local_policy.ts";
import { isLarge, mostMicroBatchTokens } from "../embedded/model_size.ts";
import type { AdapterChoice } from "../options.ts";
import type { Policy } from "../port.ts";
import { locateModelWeights } from "../weights/model_weights.ts";
import { DataParallelPolicy } from "./data_parallel_policy.ts";
import { ThreadedPolicy } from "./threaded_policy.ts";

export interface OpenPolicyOptions extends Omit<LocalPolicyOptions, "adapter" | "activityCells"> {
  /** Names the policy's threads, and the policy in error messages. */
  readonly name: string;
  /**
   * Copies of the policy that share out its work, its threads and its micro-batches' tokens. Null makes one for each
   * thread of a small model on the CPU, whose operators are too short for several threads, and one of any other.
   */
  readonly replicas: number | null;
  /** Which adapters are trained (default none). */
  readonly adapter?: AdapterChoice | null;
  /** Tells what the policy is at. */
  readonly activity?: ActivityView;
}

const largeModelRank = 16;

/** Opens a Hugging Face model folder, or a PEFT adapter's, in threads of its own; rejects as `LocalPolicy.open` does. */
export async function openPolicy(
  folder: string,
  { name, replicas, adapter, activity, sampling, ...others }: OpenPolicyOptions,
): Promise<Policy> {
  const { device = "cpu", threads, microBatchTokens } = others;
  const large = await holdsLarge(others.base ?? folder);
  const rank = adapter ? rankOf(adapter.rank, large) : 0;
  const options: LocalPolicyOptions = {
    ...others,
    adapter: adapter && rank > 0 ? { ...adapter, rank } : null,
  };
  // What is rounded is measured, and given up, for all of a policy together.
  const alone = large || device !== "cpu" || sampling?.precision === "int8";
  const count = replicas ?? (alone ? 1 : threads);
  if (count === 1) {
    const own = { ...options, ...(sampling && { sampling }), name, activityCells: activity?.join() };
    return ThreadedPolicy.open(folder, own);
  }
  const share = (total: number): number => Math.max(1, Math.floor(total / count));
  const shared: LocalPolicyOptions = {
    ...options,
    threads: share(threads),
    microBatchTokens: share(microBatchTokens ?? mostMicroBatchTokens),
  };
  return DataParallelPolicy.open(
    Array.from({ length: count }, (_, i) =>
      ThreadedPolicy.open(folder, {
        ...shared,
        name: `${name}, replica ${i + 1}`,
        activityCells: activity?.join(),
      }),
    ),
  );
}

/** The rank of the adapters that a model is trained by: as chosen, or by its size; 0 trains the model itself. */
export async function adapterRank(chosen: number | null, folder: string): Promise<number> {
  return rankOf(chosen, await holdsLarge(folder));
}

function rankOf(chosen: number | null, large: boolean): number {
  return chosen ?? (large ? largeModelRank : 0);
}

/** Whether a folder holds a large model; false where there is nothing to read, which opening it will say better. */
async function holdsLarge(folder: string): Promise<boolean> {
  const weights = await locateModelWeights(folder).catch(() => undefined);
  return weights !== undefined && isLarge(weights.values());
}
