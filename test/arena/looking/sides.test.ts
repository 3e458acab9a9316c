import { describe, expect, test } from "vitest";
import { mirroredQuestion, mirroredTruths, swapSides } from "../../../arena/looking/sides.ts";

test.each([
  ["What is LEFT of the Right-hand cup?", "What is RIGHT of the Left-hand cup?"],
  ["leftmost, rightmost, lefty, upright", "rightmost, leftmost, lefty, upright"],
])("sides are swapped: %s", (text, swapped) => expect(swapSides(text)).toBe(swapped));

describe("what is true of a mirrored picture", () => {
  test.each<[string, string[], string[] | null]>([
    ["On which side is the dog?", ["left"], ["right"]],
    ["Where is the dog?", ["on the left side"], ["on the right side"]],
    ["Where is the dog?", ["left", "on the left"], ["right", "on the right"]],
    ["Is the cup to the left of the plate?", ["yes"], ["no"]],
    ["is the red circle right of the blue square ?", ["yes"], ["no"]],
    // It may be above.
    ["Is the cup to the left of the plate?", ["no"], null],
    // There may be another one.
    ["Is there a cup on the left of a plate?", ["yes"], null],
    ["What is left of the cup?", ["a plate"], null],
    ["How many cups are there?", ["2"], null],
    ["Is that right?", ["yes"], null],
  ])("%s %j → %j", (question, truths, expected) =>
    expect(mirroredTruths(question, truths)).toEqual(expected),
  );
});

describe("the question that a mirrored picture answers alike", () => {
  test.each<[string, string[], string | null]>([
    ["What is to the left of the cup?", ["a plate"], "What is to the right of the cup?"],
    ["What color is the leftmost car?", ["red"], "What color is the rightmost car?"],
    ["Is the cup on the right side?", ["no"], "Is the cup on the left side?"],
    ["Is it left or right?", ["left"], null],
    ["Is that the right answer?", ["yes"], null],
    ["Who has the right of way?", ["the car"], null],
    ["How many cups are left?", ["2"], null],
  ])("%s %j → %s", (question, truths, expected) => expect(mirroredQuestion(question, truths)).toBe(expected));
});
