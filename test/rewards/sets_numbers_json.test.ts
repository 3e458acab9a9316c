import { describe, expect, test } from "vitest";
import { jsonScore } from "../../rewards/json.ts";
import { isWithin, numberIn } from "../../rewards/numbers.ts";
import { itemsIn, setScore } from "../../rewards/sets.ts";

describe("sets", () => {
  test.each([
    ["cat, Dog and  bird.", ["cat", "dog", "bird"]],
    ["- cat\n- dog\n2. sand", ["cat", "dog", "sand"]],
    ['["cat", "cat", 3]', ["cat", "3"]],
    ["", []],
  ])("%j", (text, items) => {
    expect([...itemsIn(text)]).toEqual(items);
  });

  test.each([
    ["dog, cat", "cat and dog", 1],
    ["cat", "cat, dog", 2 / 3],
    ["cat, dog, bird, fish", "cat", 2 / 5],
    ["cat, cat, cat", "cat", 1],
    ["fish", "cat", 0],
    ["", "", 0],
  ])("%j for %j: %f", (answer, truth, expected) => {
    expect(setScore(answer, truth)).toBeCloseTo(expected, 12);
  });
});

describe("numbers", () => {
  test.each([
    ["about 1,200.5 km", 1200.5],
    ["-3", -3],
    ["−3", -3],
    [".5", 0.5],
    ["1e3", 1000],
    ["$12,345,678", 12_345_678],
    ["12%", 12],
    ["3 of 5", null],
    ["three", null],
    ["", null],
  ])("%j", (text, value) => {
    expect(numberIn(text)).toBe(value);
  });

  test.each([
    ["102", "100", 0.02, true],
    ["98", "100", 0.02, true],
    ["102.1", "100", 0.02, false],
    ["-102", "-100", 0.02, true],
    ["100", "-100", 0.02, false],
    ["0.3", "0.30000000000000004", 0, true],
    ["2019", "2020", 0, false],
    ["0.01", "0", 0.02, true],
    ["0.03", "0", 0.02, false],
    ["red", "red", 1, false],
  ])("%j for %j within %f: %s", (answer, truth, tolerance, expected) => {
    expect(isWithin(answer, truth, tolerance)).toBe(expected);
  });
});

describe("JSON", () => {
  test.each([
    ['{"b": [1, 2], "a": "Red "}', '{"a": "red", "b": [1, 2]}', 1],
    ['{"a": 1}', '{"a": 1, "b": 2}', 2 / 3],
    ['{"a": 1, "b": 3}', '{"a": 1, "b": 2}', 1 / 2],
    ["[1, 2]", "[2, 1]", 0],
    ['{"a/b": 1}', '{"a": {"b": 1}}', 0],
    ['{"a": {}}', '{"a": {}}', 1],
    ['{"a": {}}', '{"a": []}', 0],
    ['{"a": null}', '{"a": null}', 1],
    ['{"a": "1"}', '{"a": 1}', 0],
    ['{"a": 1', '{"a": 1}', 0],
    ["1", "1", 0],
    ['{"__proto__": 1}', '{"__proto__": 1}', 1],
  ])("%s for %s: %f", (answer, truth, expected) => {
    expect(jsonScore(answer, truth)).toBeCloseTo(expected, 12);
  });
});
