import { expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { certaintyReader, certaintyScore, usualHedges } from "../../rewards/certainty.ts";

const read = certaintyReader(usualHedges);

test.each<[string, number | null]>([
  ["<think> two cats </think> <answer> 2 </answer>", null],
  ["It is probably a cat.", 0.7],
  ["It is Probably\n not a cat.", 0.25],
  ["It is unlikely.", 0.2],
  ["Highly  likely a dog, perhaps a wolf.", 0.5],
  ["the likelihood is drawn as a line", null],
  ["I am not sure.", 0.4],
  ["I am 90% sure that it is a cat.", 0.9],
  ["perhaps a cat; confidence: 80%", 0.8],
  ["<answer> cat </answer> <confidence> 0.35 </confidence>", 0.35],
  ["**Confidence:** 0.6", 0.6],
  ['{"answer": "cat", "confidence": 0.55}', 0.55],
  ["My certainty is 7/10.", 0.7],
  ["Confidence: 65/100", 0.65],
  ["Confidence: 45", 0.45],
  ["Confidence: 30%. On a second look, confidence: 70%.", 0.7],
  ["confidence: 250", null],
  ["confidence: high, maybe", 0.5],
])("%j states %s", (text, stated) => {
  expect(read(text)).toBe(stated);
});

test("a list of one's own takes the place of the usual one; none leaves numbers", () => {
  const own = certaintyReader({ "no doubt (at all)": 1, vielleicht: 0.5 });
  expect(own("Vielleicht eine Katze, probably.")).toBe(0.5);
  expect(own("There is no doubt (at all)")).toBe(1);
  expect(own("vielleichtig")).toBeNull();
  expect(certaintyReader({})("perhaps")).toBeNull();
  expect(certaintyReader({})("perhaps, 20% sure")).toBe(0.2);
});

test("long texts are read in time linear in them", () => {
  expect(read("confidence ".repeat(20_000))).toBeNull();
  expect(read(`${"9".repeat(200_000)}% sure`)).toBeNull();
});

test("nothing earns more in the mean than the chance of being right", () => {
  const stream = new RandomStream(3);
  for (let i = 0; i < 200; i++) {
    const chance = stream.uniform();
    const mean = (stated: number) =>
      chance * certaintyScore(stated, 1) + (1 - chance) * certaintyScore(stated, 0);
    const other = stream.uniform();
    expect(mean(chance)).toBeGreaterThanOrEqual(mean(other));
    expect(mean(chance) - mean(other)).toBeCloseTo((chance - other) ** 2, 12);
  }
});
