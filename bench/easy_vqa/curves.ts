import { table } from "../figures.ts";

export const trainers = ["visplay", "trl"] as const;
export type Trainer = (typeof trainers)[number];

/** How a model learnt by plain GRPO. */
export interface Curve {
  readonly seed: number;
  /** The share of right answers among each step's samples, drawn before its update. */
  readonly rewards: readonly number[];
  /** Of each step. */
  readonly seconds: readonly number[];
  /** Greedy answers to test questions, percent, before the first step and after every so many; sampled: at temperature 1. */
  readonly accuracy: readonly { readonly step: number; readonly greedy: number; readonly sampled: number }[];
}

/** What `npm run bench:easy-vqa-trl` writes: the same models, data, budget and seeds. */
export type Curves = Readonly<Record<Trainer, readonly Curve[]>>;

/** The curves with one more, in place of one of the same seed. */
export function withCurve(curves: Curves, trainer: Trainer, curve: Curve): Curves {
  const others = curves[trainer].filter(({ seed }) => seed !== curve.seed);
  return { ...curves, [trainer]: [...others, curve].sort((a, b) => a.seed - b.seed) };
}

/** Means over the seeds where a model was measured: accuracy, and the reward of the steps since the measurement before. */
export function curvesTable(curves: Curves): string {
  const steps = curves.visplay[0]?.accuracy.map(({ step }) => step) ?? [];
  const rows = trainers.flatMap((trainer) => {
    const all = curves[trainer];
    const at = (of: "greedy" | "sampled") =>
      steps.map((_, i) => mean(all.map(({ accuracy }) => accuracy[i]?.[of] ?? Number.NaN)).toFixed(1));
    const rewards = steps.map((step, i) =>
      i === 0 ? "" : mean(all.flatMap((curve) => curve.rewards.slice(steps[i - 1], step))).toFixed(3),
    );
    const seconds = mean(all.flatMap((curve) => curve.seconds.slice(1))).toFixed(2);
    return [
      [`${trainer}, greedy`, ...at("greedy"), ""],
      [`${trainer}, sampled`, ...at("sampled"), ""],
      [`${trainer}, reward`, ...rewards, seconds],
    ];
  });
  return table([["after step", ...steps.map(String), "s a step"], ...rows]);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
