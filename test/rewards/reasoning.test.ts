import { describe, expect, test } from "vitest";
import { overlongPenalty } from "../../rewards/length.ts";
import { reasoning, subjectsOf } from "../../rewards/reasoning.ts";

const question = "How many red circles are left of the square?";
const used = subjectsOf(question);
const good = "The square stands in the middle. To its left I see two red circles and a blue star, so two.";

const partsOf = (text: string, names: readonly string[] = used) =>
  reasoning({ text, question, used: names }).parts;
const totalOf = (text: string, names: readonly string[] = used) =>
  reasoning({ text, question, used: names }).total;

describe("a chain of reasoning", () => {
  test("that says something new about what was asked earns all", () => {
    expect(used).toEqual(["red", "circle", "left", "square"]);
    expect(totalOf(good)).toBe(1);
  });

  test.each([
    ["nothing", "", 0],
    ["a word", "two", 0],
    ["the question again", question, 0],
    ["what was not asked about", "I see a dog and a cat on a sofa in the sun", 0],
  ])("%s earns nothing", (_, text, expected) => {
    expect(totalOf(text)).toBe(expected);
  });

  test("one that repeats itself earns what it says once", () => {
    const once = "the red circle is left of one square and ";
    const often = partsOf(once.repeat(20));
    expect(often.novelty).toBeLessThan(0.06);
    expect(partsOf(once).novelty).toBe(1);
    expect(totalOf(good + question)).toBeLessThan(totalOf(good));
  });

  test("a short one earns by its words, and what is named by its share", () => {
    expect(partsOf("two red circles").chain).toBe(3 / 8);
    expect(partsOf(good, ["square", "circles", "star", "zebra"]).naming).toBe(1);
    expect(partsOf(good, ["square", "a", "whale", "zebra", "mouse"]).naming).toBeCloseTo(0.8, 12);
    expect(partsOf(good, ["red circle"]).naming).toBe(1);
    expect(partsOf(good, ["zoom"]).naming).toBe(0);
    expect(partsOf(good, []).naming).toBe(1);
  });

  test("takes time by its length alone", () => {
    const start = performance.now();
    totalOf("red circle ".repeat(100_000));
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe("the soft over-long penalty of DAPO", () => {
  test.each([
    [80, 0],
    [90, 0],
    [95, -0.5],
    [100, -1],
  ])("%d of 100 tokens with a buffer of 10: %f", (tokens, expected) => {
    expect(overlongPenalty({ tokens, truncated: false }, 100, 10)).toBeCloseTo(expected, 12);
  });

  test("what was cut off has all of it, also where nothing else is punished", () => {
    expect(overlongPenalty({ tokens: 100, truncated: true }, 100, 10)).toBe(-1);
    expect(overlongPenalty({ tokens: 50, truncated: true }, 100, 0)).toBe(-1);
    expect(overlongPenalty({ tokens: 100, truncated: false }, 100, 0)).toBe(0);
  });
});
