import { expect, test } from "vitest";
import figures from "../../bench/figures/learning.json" with { type: "json" };
import { learningChart } from "./learning_chart.ts";

test("docs/learning.svg shows the figures of bench/figures/learning.json", async () => {
  const older = "docs/learning.svg is older than its figures; `npm run picture` draws it anew";
  await expect(learningChart(figures), older).toMatchFileSnapshot("../../docs/learning.svg");
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
