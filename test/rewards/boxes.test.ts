import { describe, expect, test } from "vitest";
import { boxesIn, boxesScore, overlap } from "../../rewards/boxes.ts";

describe("the overlap of boxes", () => {
  test.each([
    ["[0, 0, 10, 10]", "[5, 5, 15, 15]", 25 / 175],
    ["0,0,10,10", "(0 0) (10 10)", 1],
    ["<box>0.1 0.1 0.5 0.5</box>", "[0.1, 0.1, 0.5, 0.3]", 0.5],
    ["[0, 0, 1, 1]", "[2, 2, 3, 3]", 0],
    ["[3, 3, 2, 2]", "[2, 2, 3, 3]", 0],
    ["[1, 2, 3]", "[1, 2, 3, 4]", 0],
    ["[0, 0, 0, 0]", "[0, 0, 0, 0]", 0],
  ])("%s and %s: %f", (answer, truth, expected) => {
    expect(overlap(answer, truth)).toBeCloseTo(expected, 12);
  });
});

describe("the boxes that a text says", () => {
  test.each([
    ['[{"bbox_2d": [1, 2, 3, 4], "label": "Cat "}]', [{ x1: 1, y1: 2, x2: 3, y2: 4, label: "cat" }]],
    ['{"bbox": [1, 2, 3, 4]}', [{ x1: 1, y1: 2, x2: 3, y2: 4, label: null }]],
    ["[[1, 2, 3, 4]]", [{ x1: 1, y1: 2, x2: 3, y2: 4, label: null }]],
    ["(1, 2, 3, 4) and (5, 6, 7, 8.5)", [1, 2].map((_, i) => boxesIn("[1,2,3,4],[5,6,7,8.5]")?.[i])],
    ["[]", []],
    ["None.", []],
    ["", null],
    ["a cat", null],
    ["[1, 2, 3]", null],
    ["[3, 2, 1, 4]", null],
    ['[{"bbox_2d": [1, 2, 3, "4"]}]', null],
    ["1 ".repeat(4 * 201), null],
  ])("%j", (text, boxes) => {
    expect(boxesIn(text)).toEqual(boxes);
  });
});

describe("matched boxes, as VLM-R1 weighs them", () => {
  const truth = "[[0, 0, 10, 10], [20, 20, 30, 30]]";
  const labelled = (...labels: string[]) =>
    JSON.stringify(labels.map((label, i) => ({ bbox_2d: [20 * i, 0, 20 * i + 10, 10], label })));
  test.each([
    ["all", truth, truth, 1],
    ["in any order", "[[20, 20, 30, 30], [0, 0, 10, 10]]", truth, 1],
    ["one of two", "[0, 0, 10, 10]", truth, 0.7 / 2 + 0.3 * 0.75],
    ["one too many", "[[0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]]", truth, 0.7 + 0.3 * (5 / 6)],
    ["one twice", "[[0, 0, 10, 10], [0, 0, 10, 10]]", "[0, 0, 10, 10]", 0.7 + 0.3 * 0.75],
    ["a share of it", "[0, 0, 10, 8]", "[0, 0, 10, 10]", 0.7 * 0.8 + 0.3],
    ["less than a half", "[0, 0, 10, 4]", "[0, 0, 10, 10]", 0],
    [
      "the better of two that fit",
      "[[0, 0, 10, 6], [0, 0, 10, 9]]",
      "[0, 0, 10, 10]",
      0.7 * 0.9 + 0.3 * 0.75,
    ],
    ["labels", labelled("cat", "dog"), labelled("Cat", "dog"), 1],
    ["another label", labelled("cat", "cat"), labelled("cat", "dog"), 0.7 / 2 + 0.3 / 2],
    ["none where there is none", "none", "[]", 1],
    ["some where there is none", "[0, 0, 1, 1]", "[]", 0],
    ["none where there are some", "[]", truth, 0],
    ["no boxes", "two cats", truth, 0],
  ])("%s", (_, answer, wanted, expected) => {
    expect(boxesScore(answer, wanted)).toBeCloseTo(expected, 12);
  });
});
