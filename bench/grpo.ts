import { fileURLToPath } from "node:url";
import type { Figures } from "./figures.ts";
import { median } from "./measure.ts";
import { embeddedModel } from "./models.ts";
import { reportOf } from "./program.ts";
import { countSteps, type StepReport, warmUpSteps } from "./step_report.ts";

/** The program that makes GRPO steps. */
export const stepProgram: string = fileURLToPath(new URL("./grpo_step.js", import.meta.url));

const work = { images: 16, group: 8, tokens: 24 } as const;

/**
 * A GRPO step of 16 images, 8 completions each, 24 tokens each, with the embedded model: medians over steps after
 * warm-up, memory of a process that does nothing else.
 */
export async function benchGrpo(threads: number, rounds: number, scratch: string): Promise<Figures> {
  const { images, group, tokens } = work;
  const settings = { ...work, model: await embeddedModel(scratch), threads, steps: rounds + warmUpSteps };
  const report = await reportOf<StepReport>(process.execPath, [stepProgram, ...flags(settings)]);
  const { step, sampling, update } = countSteps([report]);
  const seconds = (values: readonly number[]) => ({ value: median(values), unit: "s" });
  return {
    grpo_step_seconds: seconds(step),
    grpo_encoding_seconds: seconds((report.encoding_seconds ?? []).slice(warmUpSteps)),
    grpo_sampling_seconds: seconds(sampling),
    grpo_update_seconds: seconds(update),
    sampled_tokens_per_second: { value: (images * group * tokens) / median(sampling), unit: "tokens/s" },
    peak_mb: { value: report.peak_mb, unit: "MB" },
  };
}

/** `--name value` of each setting. */
export function flags(settings: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
}
