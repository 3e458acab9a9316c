import { table } from "../figures.ts";
import { type Estimate, estimate, type Mark } from "./estimates.ts";

/** Stages of the run in turn. */
export const stages = ["sft", "grpo", "self_play"] as const;

/** What is measured: what each stage made of an untrained model, and one that imitated all labels. */
export type Measured = (typeof stages)[number] | "supervised";

/** What a model says to a test question, as a line of `visplay eval --out` tells of it. */
export interface Prediction {
  readonly image: string;
  readonly question: string;
  /**
   * Shares of right answers: the greedy one, those sampled at temperature 1 (warm), the greedy one without the picture (blind);
   * unparsed: whether the greedy one cannot be read.
   */
  readonly scores: Readonly<Record<"greedy" | "warm" | "blind" | "unparsed", number>>;
}

/** What one seed came to. */
export interface SeedResult {
  readonly seed: number;
  readonly predictions: Readonly<Record<Measured, readonly Prediction[]>>;
  /** Of the run of all stages, and of the supervised one. */
  readonly seconds: Readonly<Record<"stages" | "supervised", number>>;
}

/** Accuracy in percent, and what a stage gains in points over the one before. */
interface Progress {
  readonly accuracy: Estimate;
  /** Of the first stage, over its own greedy answers without the picture. */
  readonly gain: Estimate;
}

/** What `npm run bench:easy-vqa` writes: answers to the test questions. */
export interface EasyVqaReport {
  /** Greedy answers; sampled: those at temperature 1, which is what GRPO's rewards are about. */
  readonly stages: readonly (Progress & { readonly name: string; readonly sampled: Progress })[];
  readonly supervised: Estimate;
  /** What others report. */
  readonly published: typeof published;
  readonly test: { readonly pictures: number; readonly questions: number };
  readonly seeds: readonly {
    readonly seed: number;
    readonly accuracy: Readonly<Record<Measured, number>>;
    readonly sampled: Readonly<Record<Measured, number>>;
    readonly blind: Readonly<Record<Measured, number>>;
    readonly seconds: SeedResult["seconds"];
  }[];
}

/** The validation accuracy of the authors' own small CNN, after 8 epochs of all labels; they validate on the test questions. */
const published = {
  accuracy: 93.8,
  model: "CNN of two convolutions, bag of words",
  source: "https://victorzhou.com/blog/easy-vqa/#8-the-results",
};

export function reportOf(seeds: readonly SeedResult[]): EasyVqaReport {
  const marks = (name: Measured, score: keyof Prediction["scores"]): Mark[][] =>
    seeds.map(({ predictions }) => marksOf(predictions[name], score));
  const progress = (i: number, score: "greedy" | "warm"): Progress => {
    const [name, before] = [stages[i] as Measured, stages[i - 1]];
    const others = before === undefined ? marks(name, "blind") : marks(before, score);
    return { accuracy: estimate(marks(name, score)), gain: estimate(marks(name, score), others) };
  };
  const [questions = []] = marks("sft", "greedy");
  return {
    stages: stages.map((name, i) => ({ name, ...progress(i, "greedy"), sampled: progress(i, "warm") })),
    supervised: estimate(marks("supervised", "greedy")),
    published,
    test: { pictures: new Set(questions.map(({ image }) => image)).size, questions: questions.length },
    seeds: seeds.map(({ seed, predictions, seconds }) => ({
      seed,
      accuracy: percentages(predictions, "greedy"),
      sampled: percentages(predictions, "warm"),
      blind: percentages(predictions, "blind"),
      seconds,
    })),
  };
}

export function marksOf(answers: readonly Prediction[], score: keyof Prediction["scores"]): Mark[] {
  return answers.map(({ image, question, scores }) => ({ image, question, score: scores[score] }));
}

/** Right answers in percent. */
export function percentage(answers: readonly Prediction[], score: keyof Prediction["scores"]): number {
  return (100 * answers.reduce((sum, { scores }) => sum + scores[score], 0)) / answers.length;
}

function percentages(
  predictions: SeedResult["predictions"],
  score: keyof Prediction["scores"],
): Record<Measured, number> {
  const entries = Object.entries(predictions).map(([name, all]) => [name, percentage(all, score)]);
  return Object.fromEntries(entries);
}

/** A line for each stage, greedy and sampled, each seed a column; then what to hold them against. */
export function reportTable({ stages, supervised, published, seeds }: EasyVqaReport): string {
  const perSeed = (name: string, of: "accuracy" | "sampled") =>
    seeds.map((seed) => seed[of][name as Measured].toFixed(1));
  const head = ["", "accuracy", "95%", "gain", "95%", ...seeds.map(({ seed }) => `seed ${seed}`)];
  const line = (name: string, { accuracy, gain }: Progress) => [
    name,
    ...cells(accuracy, ""),
    ...cells(gain, "+"),
  ];
  const rows = [
    ...stages.map((stage) => [...line(stage.name, stage), ...perSeed(stage.name, "accuracy")]),
    ...stages.map(({ name, sampled }) => [...line(`${name}, sampled`, sampled), ...perSeed(name, "sampled")]),
    ["supervised", ...cells(supervised, ""), "", "", ...perSeed("supervised", "accuracy")],
    [published.model, published.accuracy.toFixed(1), "", "", "", ...seeds.map(() => "")],
  ];
  return table([head, ...rows]);
}

function cells({ mean, low, high }: Estimate, plus: "+" | ""): [string, string] {
  const signed = (value: number) => `${value < 0 ? "" : plus}${value.toFixed(1)}`;
  return [signed(mean), `${signed(low)} to ${signed(high)}`];
}
