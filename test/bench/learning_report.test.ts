import { describe, expect, test } from "vitest";
import { emptySummary, type RoundSummary } from "../../arena/summary.ts";
import {
  ceiling,
  gainOf,
  gapClosed,
  type LearningReport,
  type Play,
  playOf,
  type Scores,
  selfPlay,
  withPlay,
} from "../../bench/learning_report.ts";
import { learningTables } from "../../bench/learning_table.ts";

const nothing: LearningReport = { seeds: [], controls: {} };

function scores(greedy: number, silver: number | null = null): Required<Scores> {
  const rest = { mean8: 50, mean8_t06: 60, maj8: 62, pass8: 95, blind: 20, meaningful: silver && 97 };
  return { greedy, ...rest, silver, falseAccepts: null, baseAccuracy: null };
}

const play = (seed: number, ...greedy: readonly [number, ...number[]]): Play => {
  const [base, ...rounds] = greedy;
  return { seed, base: scores(base), rounds: rounds.map((value) => scores(value, 80)) };
};

const report = [play(1, 70, 71, 74), play(0, 72, 75, 74)].reduce(
  (sum, each) => withPlay(sum, selfPlay, each),
  nothing,
);

describe("the learning report", () => {
  test("a play is the summary's base and rounds with the compared figures alone", () => {
    const round = (number: number, greedy: number, silver: number | null): RoundSummary => ({
      ...scores(greedy, silver),
      round: number,
      stage: "selfPlay",
      abstention: 5,
      parseFailure: 1,
      ...{
        admitted: 900,
        empty: null,
        heldOutLoss: null,
        questionerReward: 0.1,
        reasonerReward: 0.9,
        confidence: 80,
        parsed: 99,
      },
      intervals: { greedy: [60, 80] },
      families: {},
      asked: {},
      kinds: {},
      looking: {},
      calibration: {},
      attribution: null,
      models: null,
    });
    const summary = { ...emptySummary, rounds: [round(0, 72, null), round(1, 75, 80)] };
    expect(playOf(3, summary)).toEqual({ seed: 3, base: scores(72), rounds: [scores(75, 80)] });
    expect(() => playOf(3, { ...summary, rounds: summary.rounds.slice(0, 1) })).toThrow("no rounds");
  });

  test("plays stand by variant in the order of their seeds, a repeated one in place of the old", () => {
    const more = withPlay(withPlay(report, "no_band", play(0, 72, 65)), selfPlay, play(1, 70, 73));
    expect(more).toEqual({
      seeds: [play(0, 72, 75, 74), play(1, 70, 73)],
      controls: { no_band: [play(0, 72, 65)] },
    });
    expect(report.controls).toEqual({});
  });

  test("gains are the last round's over the base, where both were measured", () => {
    expect(gainOf(play(1, 70, 75, 74), "greedy")).toBe(4);
    expect(gainOf(play(1, 70, 75, 74), "silver")).toBeNull();
  });

  test("the gap closed compares means over the seeds that have a ceiling", () => {
    expect(gapClosed(report, "greedy")).toBeNull();
    const one = withPlay(report, ceiling, play(0, 72, 80));
    expect(gapClosed(one, "greedy")).toBeCloseTo(2 / 8);
    const both = withPlay(one, ceiling, play(1, 70, 74));
    expect(gapClosed(both, "greedy")).toBeCloseTo((2 + 4) / (8 + 4));
    expect(gapClosed(both, "mean8")).toBeNull(); // the ceiling gains nothing
  });

  test("the tables show rounds, gains by seed, the gap closed and every variant", () => {
    const text = learningTables(withPlay(report, ceiling, play(0, 72, 80)));
    const [rounds, variants] = text.split("\n\n").map((table) => table.split("\n"));
    expect(rounds?.[0]?.split(/ {2,}/)).toEqual([
      "self-play",
      "base",
      "round 1",
      "round 2",
      "gain",
      "seed 0",
      "seed 1",
      "gap closed",
    ]);
    expect(rounds?.[1]?.split(/ +/)).toEqual([
      "greedy",
      "71.0",
      "73.0",
      "74.0",
      "+3.0",
      "+2.0",
      "+4.0",
      "25%",
    ]);
    expect(variants?.slice(1).map((row) => row.split(/ +/).slice(0, 4))).toEqual([
      ["self_play", "2", "74.0", "+3.0"],
      ["true_labels", "1", "80.0", "+8.0"],
    ]);
  });
});
