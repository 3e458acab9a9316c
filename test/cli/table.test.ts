import { expect, test } from "vitest";
import { resultTable } from "../../cli/table.ts";
import type { Estimate, EvaluationReport } from "../../replay/events.ts";

const around = (percent: number): Estimate => ({ percent, low: percent - 2.4, high: percent + 2.2 });

function evaluation(greedy: number): EvaluationReport {
  const overall = {
    questions: 420,
    greedy: around(greedy),
    mean8: around(50.5),
    mean8_t06: around(65.1),
    maj8: around(62.5),
    pass8: around(95.04),
    blind: around(31),
    abstention: around(3),
    parseFailure: around(2.5),
  };
  return { samples: 8, overall, families: {} };
}

const audit = { meaningful: 0.98, labelsCorrect: 0.834, labelsCorrectByConfidence: [] };

function rows(table: string): string[][] {
  return table.split("\n").map((line) => line.trim().split(/\s{2,}/));
}

test("base and rounds stand below each other, each figure above its interval", () => {
  const table = resultTable([
    { round: 0, evaluation: evaluation(72.8), audit: null },
    { round: 1, evaluation: evaluation(75.25), audit },
  ]);
  expect(rows(table)).toEqual([
    ["greedy", "mean@8", "mean@8", "maj@8", "pass@8", "silver", "blind", "abstain", "meaning-"],
    ["T=1", "T=0.6", "ful"],
    ["base", "72.8", "50.5", "65.1", "62.5", "95.0", "–", "31.0", "3.0", "–"],
    ["70–75", "48–53", "63–67", "60–65", "93–97", "29–33", "1–5"],
    ["round 1", "75.3", "50.5", "65.1", "62.5", "95.0", "83.4", "31.0", "3.0", "98.0"],
    ["73–77", "48–53", "63–67", "60–65", "93–97", "29–33", "1–5"],
  ]);
  for (const line of table.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test("a round that was not evaluated shows what is known", () => {
  const table = resultTable([{ round: 1, evaluation: null, audit: { ...audit, labelsCorrect: null } }]);
  expect(rows(table)[2]).toEqual(["round 1", "–", "–", "–", "–", "–", "–", "–", "–", "98.0"]);
});
