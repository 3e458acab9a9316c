import { describe, expect, test } from "vitest";
import { isNear, similarity } from "../../rewards/verifiers.ts";

describe("relaxed accuracy, as ChartQA's authors compute it", () => {
  test.each([
    ["100", "105", true],
    ["99.75", "105", true],
    ["99", "105", false],
    ["-10.4", "-10", true],
    ["12%", "0.12", true],
    ["12%", "12", false],
    ["1e3", "1000", true],
    [".5", "0.5", true],
    // Where the truth is 0, or one of the two is no number, texts are compared.
    ["0.0", "0", false],
    ["0", "0", true],
    ["1,000", "1000", false],
    ["Blue", " blue", true],
    ["light blue", "blue", false],
  ])("%s for %s: %s", (answer, truth, expected) => {
    expect(isNear(answer, truth)).toBe(expected);
  });
});

describe("ANLS", () => {
  // The paper's threshold: an answer with more than half of its letters wrong scores nothing.
  test.each([
    ["kitten", "sitting", 1 - 3 / 7],
    ["Coca Cola", "coca cola", 1],
    ["coca-cola", "coca cola", 1 - 1 / 9],
    ["pepsi", "coca cola", 0],
    ["abcd", "abxy", 0],
    ["abcde", "abcxy", 1 - 2 / 5],
    ["", "a", 0],
    ["", "", 1],
  ])("%j for %j: %f", (answer, truth, expected) => {
    expect(similarity(answer, truth)).toBeCloseTo(expected, 12);
  });
});
