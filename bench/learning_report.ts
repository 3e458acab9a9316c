import type { RoundSummary, Summary } from "../arena/summary.ts";
import type { Outcomes } from "../replay/events.ts";

/** What is compared, as `summary.json` names it. */
export const measures = [
  "greedy",
  "mean8",
  "mean8_t06",
  "maj8",
  "pass8",
  "blind",
  "silver",
  "meaningful",
  "falseAccepts",
  "baseAccuracy",
] as const;

export type Measure = (typeof measures)[number];

/** In percent; null where it does not apply, as the base has no silver labels; reports of earlier releases lack some. */
export type Scores = Readonly<Partial<Record<Measure, number | null>>>;

/** One run: its base and what each round made of it. */
export interface Play {
  readonly seed: number;
  readonly base: Scores;
  readonly rounds: readonly Scores[];
  /** How the base and each round answered the held-out questions, one by one; none where that was not kept. */
  readonly outcomes?: readonly (Outcomes | null)[];
}

/** What plays of one report have in common: others are not to be added. */
export interface Played {
  /** Settings of every play. */
  readonly set: readonly string[];
  /** SHA-256 of the base's weights. */
  readonly model: string;
}

/** What `npm run bench:learning` writes: the recipe on every seed, and each control on the same seeds. */
export interface LearningReport {
  /** What all plays have in common; absent of reports of earlier releases. */
  readonly of?: Played;
  readonly seeds: readonly Play[];
  readonly controls: Readonly<Record<string, readonly Play[]>>;
}

/** The variant that is no control. */
export const selfPlay = "self_play";
/** The control that shows what perfect labels would reach. */
export const ceiling = "true_labels";
/** The control whose Questioner does not learn. */
export const untrained = "untrained_questioner";
/** The bound: the base trained on labelled target scenes by what made it. */
export const supervised = "supervised";

/** The play that a finished run's summary tells of; throws where it has no base or no round. */
export function playOf(seed: number, { rounds }: Summary, outcomes: readonly (Outcomes | null)[] = []): Play {
  const [base, ...others] = rounds.map(scoresOf);
  if (!base || others.length === 0) throw new RangeError("the run has no rounds to compare");
  const isWhole = outcomes.length === rounds.length;
  return { seed, base, rounds: others, ...(isWhole && { outcomes }) };
}

function scoresOf(round: RoundSummary): Scores {
  const { falseAccepts, baseAccuracy } = round.asked;
  const figures = {
    ...round,
    falseAccepts: falseAccepts?.percent ?? null,
    baseAccuracy: baseAccuracy?.percent ?? null,
  };
  return Object.fromEntries(measures.map((measure) => [measure, figures[measure]])) as Scores;
}

/** Whether a report holds a play already. */
export function holds(report: LearningReport, variant: string, seed: number): boolean {
  return playsOf(report, variant).some((play) => play.seed === seed);
}

/** The report with one more play, in place of one of the same variant and seed. */
export function withPlay(report: LearningReport, variant: string, play: Play): LearningReport {
  const others = playsOf(report, variant).filter(({ seed }) => seed !== play.seed);
  const plays = [...others, play].sort((a, b) => a.seed - b.seed);
  if (variant === selfPlay) return { ...report, seeds: plays };
  return { ...report, controls: { ...report.controls, [variant]: plays } };
}

export function playsOf({ seeds, controls }: LearningReport, variant: string): readonly Play[] {
  return variant === selfPlay ? seeds : (controls[variant] ?? []);
}

/** What the last round gained over the base, in points; null where either was not measured. */
export function gainOf({ base, rounds }: Play, measure: Measure): number | null {
  const [before, after] = [base[measure], rounds.at(-1)?.[measure]];
  return before == null || after == null ? null : after - before;
}

/**
 * The share of the gap closed, (self-play - base) / (ceiling - base), of means over the seeds that have both; null
 * without such seeds, and where the ceiling does not lie above the base.
 */
export function gapClosed(report: LearningReport, measure: Measure): number | null {
  const pairs = report.seeds.flatMap((play) => {
    const best = playsOf(report, ceiling).find(({ seed }) => seed === play.seed);
    const [gain, most] = [gainOf(play, measure), best ? gainOf(best, measure) : null];
    return gain === null || most === null ? [] : [[gain, most] as const];
  });
  const [gain, most] = [mean(pairs.map(([own]) => own)), mean(pairs.map(([, top]) => top))];
  return gain === null || most === null || most <= 0 ? null : gain / most;
}

/** The mean of what was measured; null where nothing was. */
export function mean(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value != null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
