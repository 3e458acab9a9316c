import { table } from "./figures.ts";
import {
  gainOf,
  type LearningReport,
  mean,
  type Play,
  playsOf,
  supervised,
  untrained,
} from "./learning_report.ts";
import { type Difference, type Pair, type PairedMeasure, pairedDifference } from "./paired.ts";

/** What self-play has to show, and what came out. */
interface Outcome {
  readonly name: string;
  readonly floor: number;
  readonly goal: number;
  /** Whether less is better. */
  readonly isLess?: boolean;
  readonly value: number | null;
  /** Null where it cannot be paired. */
  readonly difference: Difference | null;
  /** Whether every seed has to be above 0, or the interval. */
  readonly sure?: "seeds" | "interval";
  readonly unit: "points" | "%";
}

/** What is expected of self-play beside what came out, with 95% intervals over seeds and questions. */
export function goalsTable(report: LearningReport): string {
  const head = ["over the base, mean of seeds", "floor", "goal", "came out", "95%", "each seed", "reached"];
  return table([head, ...outcomesOf(report).map(rowOf)]);
}

function outcomesOf(report: LearningReport): Outcome[] {
  const { seeds } = report;
  const gain = (measure: PairedMeasure) =>
    between(
      seeds.map((play) => [play, play] as const),
      measure,
      [0, -1],
    );
  const overUntrained = (measure: PairedMeasure) =>
    between(together(seeds, playsOf(report, untrained)), measure, [-1, -1]);
  const later = between(
    seeds.filter(({ rounds }) => rounds.length > 1).map((play) => [play, play] as const),
    "greedy",
    [1, -1],
  );
  const row = (name: string, [floor, goal]: readonly [number, number], difference: Difference | null) =>
    ({ name, floor, goal, difference, value: difference?.mean ?? null, unit: "points" }) as const;
  const unpaired = { difference: null, unit: "%" } as const;
  return [
    { ...row("greedy", [3, 6], gain("greedy")), sure: "seeds" },
    { ...row("mean@8", [12, 18], gain("mean8")), sure: "seeds" },
    row("pass@8", [-1, 0], gain("pass8")),
    row("last round over the first, greedy", [0.5, 2], later),
    {
      ...row("trained over untrained Questioner, greedy", [1, 3], overUntrained("greedy")),
      sure: "interval",
    },
    { ...row("trained over untrained Questioner, mean@8", [1, 3], overUntrained("mean8")), sure: "interval" },
    {
      name: "silver labels correct, worst round",
      floor: 88,
      goal: 95,
      value: worst(seeds, "silver"),
      ...unpaired,
    },
    {
      ...{ name: "gate's false accepts, worst round", floor: 8, goal: 3, isLess: true },
      ...{ value: worst(seeds, "falseAccepts"), ...unpaired },
    },
    {
      ...{ name: "of the supervised bound's greedy gain", floor: 35, goal: 70 },
      ...{ value: shareOfBound(report), ...unpaired },
    },
  ];
}

/** Plays of the same seeds, of two variants. */
function together(plays: readonly Play[], controls: readonly Play[]): (readonly [Play, Play])[] {
  return plays.flatMap((play) => {
    const control = controls.find(({ seed }) => seed === play.seed);
    return control ? [[control, play] as const] : [];
  });
}

/** The difference between two evaluations of plays, each counted from the base, or from the end. */
function between(
  plays: readonly (readonly [Play, Play])[],
  measure: PairedMeasure,
  [from, to]: readonly [number, number],
): Difference | null {
  const pairs = plays.flatMap(([first, second]): Pair[] => {
    const [before, after] = [first.outcomes?.at(from), second.outcomes?.at(to)];
    return before && after ? [[before, after]] : [];
  });
  return pairs.length < plays.length ? null : pairedDifference(pairs, measure);
}

/** Of means over seeds, by round, the worst. */
function worst(plays: readonly Play[], measure: "silver" | "falseAccepts"): number | null {
  const rounds = Math.max(0, ...plays.map((play) => play.rounds.length));
  const means = Array.from({ length: rounds }, (_, i) =>
    mean(plays.map((play) => play.rounds[i]?.[measure])),
  );
  const known = means.filter((value) => value !== null);
  if (known.length === 0) return null;
  return measure === "silver" ? Math.min(...known) : Math.max(...known);
}

function shareOfBound(report: LearningReport): number | null {
  const pairs = together(report.seeds, playsOf(report, supervised));
  const gains = (which: 0 | 1) => mean(pairs.map((pair) => gainOf(pair[which], "greedy")));
  const [bound, own] = [gains(0), gains(1)];
  return bound === null || own === null || bound <= 0 ? null : (100 * own) / bound;
}

function rowOf({ name, floor, goal, isLess = false, value, difference, sure, unit }: Outcome): string[] {
  const text = (number: number) => (unit === "points" ? withSign(number) : `${number.toFixed(1)}%`);
  const bound = (number: number) => `${isLess ? "≤ " : ""}${text(number)}`;
  const isSure =
    sure === "seeds"
      ? (difference?.seeds.every((own) => own > 0) ?? false)
      : sure === "interval"
        ? (difference?.low ?? 0) > 0
        : true;
  const reaches = (limit: number) => value !== null && isSure && (isLess ? value <= limit : value >= limit);
  return [
    name,
    bound(floor),
    bound(goal),
    value === null ? "–" : text(value),
    difference ? `${withSign(difference.low)} to ${withSign(difference.high)}` : "–",
    difference ? difference.seeds.map(withSign).join(" ") : "–",
    value === null ? "–" : reaches(goal) ? "goal" : reaches(floor) ? "floor" : "no",
  ];
}

function withSign(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(1)}`;
}
