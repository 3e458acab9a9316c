import { describe, expect, test } from "vitest";
import { readCall, UnreadableCall } from "../../common/tool_call.ts";

const tools = [
  {
    function: {
      name: "draw",
      parameters: {
        properties: {
          code: { type: "string" },
          title: { anyOf: [{ type: "string" }, { type: "null" }] },
          mode: { enum: ["1", "2"] },
          width: { type: "integer" },
          filled: { type: "boolean" },
          box: { type: "array" },
          style: { type: "object" },
          any: {},
        },
      },
    },
  },
];

const tagged = (name: string, ...given: readonly (readonly [string, string])[]) =>
  `<tool_call>\n<function=${name}>\n${given
    .map(([parameter, value]) => `<parameter=${parameter}>\n${value}\n</parameter>\n`)
    .join("")}</function>\n</tool_call>`;

describe("a call as Qwen3.5 writes it", () => {
  test.each<[parameter: string, value: string, wanted: unknown]>([
    ["code", "42", "42"],
    ["code", "null", "null"],
    ["code", "a\n\n  <b>\n", "a\n\n  <b>\n"],
    ["code", "", ""],
    ["title", "None", null],
    ["title", "7", "7"],
    ["mode", "1", "1"],
    ["width", "12", 12],
    ["width", "wide", "wide"],
    ["filled", "true", true],
    ["filled", "False", false],
    ["box", "[0, 500.5]", [0, 500.5]],
    ["style", '{"line": {"width": 2}}', { line: { width: 2 } }],
    ["any", "3", 3],
    ["any", "red", "red"],
    ["unknown", "[1]", [1]],
    ["__proto__", "1", 1],
  ])("has %s %j as its schema has it", (parameter, value, wanted) => {
    const found = readCall(`I look.\n\n${tagged("draw", [parameter, value])}`, tools);
    expect(found?.before).toBe("I look.\n\n");
    expect(found?.call.name).toBe("draw");
    expect(Object.entries(found?.call.arguments as object)).toEqual([[parameter, wanted]]);
  });

  test("has all of its arguments, or none; of another tool, what they are as JSON", () => {
    const two = tagged("draw", ["width", "1"], ["code", "<parameter=x>"]);
    expect(readCall(two, tools)?.call).toEqual({
      name: "draw",
      arguments: { width: 1, code: "<parameter=x>" },
    });
    expect(readCall(tagged("draw"), tools)?.call).toEqual({ name: "draw", arguments: {} });
    expect(readCall(tagged("other", ["code", "42"]), tools)?.call.arguments).toEqual({ code: 42 });
    const inOneLine = "<tool_call><function=draw><parameter=code>1</parameter></function></tool_call>";
    expect(readCall(inOneLine, tools)?.call).toEqual({ name: "draw", arguments: { code: "1" } });
  });

  test.each([
    ["<tool_call>\n<function=draw>\n</tool_call>", /found no call between the tags/],
    ["<tool_call><draw/></tool_call>", /found no call between the tags/],
    ["<tool_call><function=draw><parameter=code>1</function></tool_call>", /found "<parameter=code>1"/],
    ["<tool_call><function=draw>1</function></tool_call>", /found "1"/],
    ["<tool_call><function=draw></function>", /without <\/tool_call>/],
  ])("is none where it is cut off or has another form: %s", (text, message) => {
    expect(() => readCall(text, tools)).toThrow(UnreadableCall);
    expect(() => readCall(text, tools)).toThrow(message);
  });

  test("takes time by its length alone", () => {
    const many = "<parameter=a>\n".repeat(50_000);
    expect(() => readCall(`<tool_call><function=f>${many}</function></tool_call>`, tools)).toThrow(/found/);
  });
});
