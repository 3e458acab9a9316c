import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FunctionTool } from "../../../common/tool_call.ts";
import { readCall } from "../../../common/tool_call.ts";
import { Tokenizer } from "../../../policy/chat/tokenizer.ts";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import type { Turn } from "../../../policy/port.ts";
import { picture, tinyOptions } from "../tiny.ts";
import { toolModel } from "../tool_model.ts";

const zoom: FunctionTool = {
  type: "function",
  function: {
    name: "zoom",
    description: "shows a part larger",
    parameters: {
      type: "object",
      properties: { box: { type: "array" }, note: { type: "string" }, image: { type: "integer" } },
    },
  },
};

let model: Awaited<ReturnType<typeof toolModel>>;
let tokenizer: Tokenizer;
beforeAll(async () => {
  model = await toolModel("tagged");
  tokenizer = await Tokenizer.load(model.folder);
});
afterAll(() => model[Symbol.asyncDispose]());

describe("a template that writes calls with tags, as Qwen3.5's", () => {
  test("has a form for tools", () => {
    expect(tokenizer.hasToolForm).toBe(true);
  });

  test.each([
    {},
    { box: [0, 0, 500, 500] },
    { note: "12", image: 3 },
    { note: 'two\nlines, "quoted" & <b>' },
  ])("writes calls that are read as they were: %j", (given) => {
    const call = { name: "zoom", arguments: given };
    const text = tokenizer.renderChat(
      [
        { role: "user", content: [{ type: "image" }, { type: "text", text: "which ?" }] },
        {
          role: "assistant",
          content: [{ type: "text", text: "I look." }],
          tool_calls: [{ type: "function", function: call }],
        },
        { role: "tool", content: [{ type: "text", text: "here:" }, { type: "image" }] },
      ],
      true,
      [zoom],
    );
    expect(text).toContain("shows a part larger");
    expect(text).toMatch(/<tool_response>\nhere:<\|vision_start\|>.*\n<\/tool_response>/);
    expect(readCall(text, [zoom])?.call).toEqual(call);
  });

  test("goes on behind a call in the very tokens that the policy said", async () => {
    await using policy = await LocalPolicy.open(model.folder, tinyOptions);
    expect((await policy.info()).hasToolForm).toBe(true);
    const called = "<tool_call>\n<function=zoom>\n</function>\n</tool_call>";
    const said = Int32Array.from(policy.tokenizer.encode(called));
    const turns: Turn[] = [
      { role: "user", parts: [picture(0), "which ?"] },
      { role: "assistant", tokens: said },
      { role: "tool", parts: ["here:", picture(1)] },
    ];
    const { prefix, suffix, later } = policy.tokens({ turns, tools: [zoom] });
    const ids = [...prefix.tokens, ...suffix, ...later.flatMap(({ tokens }) => [...tokens])];
    const text = policy.tokenizer.decode(ids, false);
    const [told, answered] = text.split(called);
    expect(told).toContain("shows a part larger");
    expect(answered).toMatch(/<tool_response>\nhere:.*\n<\/tool_response>.*assistant\n$/s);
    expect(ids.join()).toContain(said.join());
  });
});
