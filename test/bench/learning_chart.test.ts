import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import figures from "../../bench/figures/learning.json" with { type: "json" };
import { learningChart } from "../../bench/learning_chart.ts";

test("the picture of learning shows today's figures (npm run picture draws it)", async () => {
  expect(learningChart(figures)).toBe(await readFile("docs/learning.svg", "utf8"));
});

test("a line starts at the base and ends at the last round, at the height of its accuracy", () => {
  const scores = (percent: number) =>
    ({
      greedy: percent,
      mean8: 80,
      mean8_t06: 80,
      maj8: 80,
      pass8: 80,
      blind: 80,
      silver: null,
      meaningful: null,
    }) as const;
  const play = { seed: 0, base: scores(70), rounds: [scores(85), scores(100)] };
  const lines = learningChart({ seeds: [play], controls: {} });
  expect(lines).toContain('points="0,180 75,90 150,0"');
  expect(lines).toContain("+30.0 points");
});
