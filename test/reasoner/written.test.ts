import { expect, test } from "vitest";
import { parseChoices } from "../../reasoner/choices.ts";
import { parseAnswer } from "../../reasoner/parse.ts";
import { writtenIn } from "../../reasoner/written.ts";

const boxes = JSON.stringify(
  Array.from({ length: 12 }, (_, i) => ({ bbox_2d: [i, i, i + 9, i + 9], label: "car" })),
);

test.each([
  ["<think> two and two </think>\n<answer> 4 </answer>", "two and two", "4"],
  ["two and two </think><answer>4</answer>", "two and two", "4"],
  ["<think> two and two </think> It is \\boxed{4}.", "two and two\nIt is", "4"],
  ["Two and two.\nAnswer: 4", "Two and two.", "4"],
  ["<think>I see cars.</think>\n<answer>\n```json\n" + boxes + "\n```\n</answer>", "I see cars.", boxes],
  ["Twelve cars:\n```json\n" + boxes + "\n```", "Twelve cars:", boxes],
  ['{\n  "a": 1\n}', "", '{\n  "a": 1\n}'],
  ["4", "", "4"],
  ["<answer>4</answer>", "", "4"],
  ["<answer>4</answer> because two and two", "", "4"],
  ["<think> still thinking", "still thinking", null],
  ["<think> thought </think>", "thought", null],
  ["", "", null],
])("%j", (text, chain, answer) => {
  expect(writtenIn(text)).toEqual({ chain, answer });
});

test("what was cut off is an answer only where it is closed", () => {
  expect(writtenIn("<think>a</think><answer>4</answer>", true).answer).toBe("4");
  expect(writtenIn("<think>a</think><answer>4", true)).toEqual({ chain: "a", answer: null });
  expect(writtenIn("So it is 4", true).answer).toBeNull();
});

test("it is the answer that is also read, where that is short", () => {
  for (const text of ["<think> a </think> <answer> red </answer>", "I see.\nAnswer: red", "\\boxed{red}"]) {
    const parsed = parseAnswer(text, parseChoices("what ?"));
    expect(parsed).toMatchObject({ outcome: "answered", answer: writtenIn(text).answer });
  }
});
