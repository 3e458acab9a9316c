import { describe, expect, test } from "vitest";
import { type CallingTurn, callUses, toolUse } from "../../rewards/tool_use.ts";

const prompt = "How many circles are left of the square? Tools: measure, zoom.";
const call = (given: string, fault: string | null, ...heard: string[]): CallingTurn => ({
  text: `<think> I look. </think> <tool_call>{"name": "measure", "arguments": ${given}}</tool_call>`,
  call: { tool: "measure", fault },
  heard: heard.map((text) => `<tool_response>${text}</tool_response>`),
});
const say = (text: string): CallingTurn => ({ text, call: null, heard: [] });
const usesOf = (...turns: CallingTurn[]) => callUses(prompt, turns);

describe("a call", () => {
  test("is used where a later turn says what only its answer said", () => {
    expect(usesOf(call("{}", null, "17 pixels"), say("It is 17."))).toEqual(["used", null]);
    expect(usesOf(call("{}", null, "17 pixels"), say("No idea."))).toEqual(["unused", null]);
    // Words of the question, of grammar and of its own call are nothing new.
    expect(usesOf(call('{"n": 17}', null, "the circles at 17: 4"), say("the circles: 17"))).toEqual([
      "unused",
      null,
    ]);
  });

  test("may be used in another call, or later", () => {
    const turns = [call("{}", null, "box 120"), call('{"box": 120}', null, "9 pixels"), say("9")];
    expect(usesOf(...turns)).toEqual(["used", "used", null]);
  });

  test("that is answered by a picture alone is used where there is a later turn", () => {
    expect(usesOf(call("{}", null), say("a plus"))).toEqual(["used", null]);
    expect(usesOf(call("{}", null))).toEqual(["unused"]);
  });

  test("is wrong where it failed, and repeated where the same was called before", () => {
    const again = call("{}", null, "17 pixels");
    const thoughtOf = { ...again, text: again.text.replace("I look.", "And once more?") };
    expect(usesOf(again, thoughtOf, say("17"))).toEqual(["used", "repeated", null]);
    expect(usesOf(call("{}", "wrongArguments", "error: 17"), say("17"))).toEqual(["wrong", null]);
  });
});

test("tool use is the share of calls that are used; without any, whether none was needed", () => {
  expect(toolUse(["used", "used", null], false)).toBe(1);
  expect(toolUse(["used", "wrong", "repeated", "unused", null], true)).toBe(0.25);
  expect(toolUse([null], true)).toBe(1);
  expect(toolUse([null], false)).toBe(0);
});
