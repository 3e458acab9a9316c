import { describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { repetitions, type VistaTurn, vistaParts } from "../../rewards/vista.ts";

const call = (given: string) => `<tool_call>{"name": "zoom", "arguments": {"box": ${given}}}</tool_call>`;
const looks = (given = "[0, 0, 500, 500]", thought = "The sign is small."): VistaTurn => ({
  text: `<think> ${thought} </think> ${call(given)}`,
  call: { tool: "zoom" },
  truncated: false,
});
const answers = (answer = "plus", thought = "Now it can be read."): VistaTurn => ({
  text: `<think> ${thought} </think>\n<answer> ${answer} </answer>`,
  call: null,
  truncated: false,
});

describe("the format", () => {
  test.each<[string, VistaTurn[]]>([
    ["an answer after thinking", [answers()]],
    ["a call after thinking, and then an answer", [looks(), answers()]],
    ["calls that failed, for they were written well", [looks("[9]"), looks(), answers()]],
  ])("is 1 for %s", (_, turns) => {
    expect(vistaParts(turns, false).format).toBe(1);
  });

  const edited = (turn: VistaTurn, change: (text: string) => string) => ({
    ...turn,
    text: change(turn.text),
  });
  test.each<[string, VistaTurn[]]>([
    ["no thinking", [edited(answers(), (text) => text.slice(text.indexOf("<answer>")))]],
    ["empty thinking", [answers("plus", "")]],
    ["an empty answer", [answers("")]],
    ["something behind the answer", [edited(answers(), (text) => `${text} Right?`)]],
    ["two answers", [edited(answers(), (text) => `${text}<answer> dot </answer>`)]],
    ["two calls in a turn", [edited(looks(), (text) => `${text}${call("[1]")}`), answers()]],
    ["a tag that is not closed", [edited(answers(), (text) => text.replace("</think>", ""))]],
    ["thinking within thinking", [answers("plus", "so <think> and so")]],
    ["a call that cannot be read", [{ ...looks(), call: { tool: "" } }, answers()]],
    ["an answer before the last turn", [answers(), answers()]],
    ["no answer in the end", [looks(), looks("[1]")]],
    ["what was cut off", [{ ...answers(), truncated: true }]],
  ])("is -1 for %s", (_, turns) => {
    expect(vistaParts(turns, true).format).toBe(-1);
  });

  test("takes time in proportion to the text, however it is made", () => {
    const hostile = ["<think>".repeat(20_000), `<think>${"a<".repeat(50_000)}`, "<tool_call>".repeat(20_000)];
    for (const text of hostile)
      expect(vistaParts([{ text, call: null, truncated: false }], false).format).toBe(-1);
  });
});

describe("repetition", () => {
  test("counts calls that are made again, word for word, and no others", () => {
    expect(repetitions([looks().text, looks("[1]", "A sign.").text])).toBe(0);
    expect(repetitions([looks().text, looks("[0,0,500,500]", "Once more.").text])).toBe(1);
  });

  test("counts six words in a row that were said before, in the same turn or a later one", () => {
    const said = "the sign at the top left";
    expect(repetitions([`I see ${said} of it`, `so ${said} it is`])).toBe(1);
    expect(repetitions([`I see ${said}, and again ${said}.`])).toBe(1);
    expect(repetitions(["the sign at the top", "the sign at the top"])).toBe(0);
    // A loop of two words: each six that follow are said before.
    expect(repetitions(["so on ".repeat(12)])).toBe(3);
  });

  test("of words that never come again is none, and more of the same is never less", () => {
    const stream = new RandomStream(3);
    for (let length = 0; length < 60; length++) {
      const fresh = Array.from({ length }, (_, i) => `word${i}`);
      expect(repetitions([fresh.join(" ")])).toBe(0);
      const few = Array.from({ length }, () => `word${stream.integer(2)}`);
      const counts = few.map((_, i) => repetitions([few.slice(0, i + 1).join(" ")]));
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    }
  });

  test("is -3 at worst", () => {
    const parts = vistaParts([answers("plus", "round and round it goes and ".repeat(50))], true);
    expect(parts).toEqual({ repetition: -3, format: 1, correctness: 1 });
  });
});

test("correctness is 1 where the trajectory succeeded, else 0", () => {
  expect(vistaParts([answers()], true)).toEqual({ repetition: 0, format: 1, correctness: 1 });
  expect(vistaParts([answers()], false)).toEqual({ repetition: 0, format: 1, correctness: 0 });
});
