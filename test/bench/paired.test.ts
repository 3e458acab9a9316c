import { describe, expect, test } from "vitest";
import { goalsTable } from "../../bench/learning_goals.ts";
import type { LearningReport, Play } from "../../bench/learning_report.ts";
import { type Pair, pairedDifference } from "../../bench/paired.ts";
import { RandomStream } from "../../common/random.ts";
import type { Outcomes } from "../../replay/events.ts";

/** Outcomes of questions, of which each has so many of eight samples right; greedy where more than half are. */
function outcomes(counts: readonly number[]): Outcomes {
  const majority = counts.map((count) => (count > 4 ? 1 : 0)).join("");
  const all = counts.join("");
  return { greedy: majority, maj8: majority, mean8: all, mean8_t06: all };
}

const times = (value: number, count: number) => new Array<number>(count).fill(value);

describe("a paired difference", () => {
  const before = outcomes([...times(8, 60), ...times(0, 40)]);
  const after = outcomes([...times(8, 70), ...times(2, 30)]);

  test("is of means over questions and seeds, in points", () => {
    const pairs: Pair[] = [
      [before, after],
      [before, before],
    ];
    expect(pairedDifference(pairs, "greedy")).toMatchObject({ mean: 5, seeds: [10, 0] });
    // 10 questions more with all of eight, 30 with two.
    expect(pairedDifference(pairs, "mean8")?.seeds[0]).toBeCloseTo(10 + 7.5, 10);
    expect(pairedDifference(pairs, "pass8")?.seeds[0]).toBeCloseTo(40, 10);
    expect(pairedDifference([], "greedy")).toBeNull();
  });

  test("has no interval where all questions differ alike, and one about what was measured else", () => {
    expect(pairedDifference([[outcomes(times(0, 50)), outcomes(times(4, 50))]], "mean8")).toMatchObject({
      ...{ mean: 50, low: 50, high: 50 },
    });
    const one = pairedDifference([[before, after]], "greedy");
    // Of 100 questions 10 differ: a standard deviation of 3 points.
    expect(one?.low).toBeGreaterThan(10 - 8);
    expect(one?.low).toBeLessThan(10 - 4);
    expect(one?.high).toBeGreaterThan(10 + 4);
    expect(one?.high).toBeLessThan(10 + 8);
  });

  test("covers the truth in about 95 of a hundred experiments, with questions that all seeds share", () => {
    const stream = new RandomStream(7);
    let covered = 0;
    for (let experiment = 0; experiment < 40; experiment++) {
      // A question gains by what it is, and a little by the seed: 10 points in the mean.
      const own = times(0, 60).map(() => stream.uniform() < 0.3);
      const pairs = times(0, 5).map((): Pair => {
        const gains = own.map((is) => (stream.uniform() < (is ? 1 / 3 : 0) ? 8 : 0));
        return [outcomes(times(0, 60)), outcomes(gains)];
      });
      const { low, high } = pairedDifference(pairs, "greedy") ?? { low: 0, high: 0 };
      if (low <= 10 && 10 <= high) covered++;
    }
    expect(covered).toBeGreaterThan(32);
  });

  test("is refused for other questions", () => {
    expect(() => pairedDifference([[before, outcomes([1])]], "greedy")).toThrow("different questions");
  });
});

test("what came out stands beside floors and goals", () => {
  const at = (right: number) => outcomes([...times(8, right), ...times(0, 100 - right)]);
  const play = (seed: number, ...right: readonly number[]): Play => {
    const scores = (percent: number) => ({ greedy: percent, silver: 90, falseAccepts: percent / 10 });
    const [base = 0, ...rounds] = right;
    return { seed, base: scores(base), rounds: rounds.map(scores), outcomes: right.map(at) };
  };
  const report: LearningReport = {
    seeds: [play(0, 60, 62, 67), play(1, 60, 62, 68)],
    controls: {
      untrained_questioner: [play(0, 60, 61, 67), play(1, 60, 61, 67)],
      supervised: [play(0, 60, 75), play(1, 60, 75)],
    },
  };
  const rows = Object.fromEntries(
    goalsTable(report)
      .split("\n")
      .map((line) => line.split(/ {2,}/))
      .map(([name, ...cells]) => [name, cells]),
  );
  expect(rows.greedy?.toSpliced(3, 1)).toEqual(["+3.0", "+6.0", "+7.5", "+7.0 +8.0", "goal"]);
  expect(rows["last round over the first, greedy"]?.at(-1)).toBe("goal");
  // Half a point, and not surely above nothing.
  expect(rows["trained over untrained Questioner, greedy"]?.at(-1)).toBe("no");
  expect(rows["silver labels correct, worst round"]).toEqual(["88.0%", "95.0%", "90.0%", "–", "–", "floor"]);
  expect(rows["gate's false accepts, worst round"]).toEqual(["≤ 8.0%", "≤ 3.0%", "6.8%", "–", "–", "floor"]);
  expect(rows["of the supervised bound's greedy gain"]?.slice(2)).toEqual(["50.0%", "–", "–", "floor"]);
  const unpaired = { ...report, seeds: report.seeds.map(({ outcomes: _, ...own }) => own) };
  expect(goalsTable(unpaired)).toMatch(/greedy +\+3\.0 +\+6\.0 +– +– +– +–/);
});
