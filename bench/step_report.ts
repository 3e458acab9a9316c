/** What a program that times GRPO steps prints as its last line: grpo_step.ts and trl/trl_baseline.py alike. */
export interface StepReport {
  readonly trainer: string;
  /** Trainable parameters. */
  readonly parameters: number;
  /** Whole steps. */
  readonly seconds: readonly number[];
  /** Of each step, with the images. */
  readonly sampling_seconds: readonly number[];
  /** Of that, preparing images and encoding them. */
  readonly encoding_seconds?: readonly number[];
  /** Resident memory of the process at its peak, 2^20 bytes; pages that are mapped twice may be counted twice. */
  readonly peak_mb: number;
}

/** Steps that are not counted, because graphs are compiled and memory is first touched in them. */
export const warmUpSteps = 1;

/** The counted steps of one or several reports. */
export function countSteps(reports: readonly StepReport[]): Record<"step" | "sampling" | "update", number[]> {
  const steps = reports.flatMap(({ seconds, sampling_seconds }) =>
    seconds.map((total, i) => ({ total, sampling: sampling_seconds[i] as number })).slice(warmUpSteps),
  );
  return {
    step: steps.map(({ total }) => total),
    sampling: steps.map(({ sampling }) => sampling),
    update: steps.map(({ total, sampling }) => total - sampling),
  };
}
