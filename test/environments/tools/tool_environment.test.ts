import { describe, expect, test } from "vitest";
import * as z from "zod";
import { builtInTools } from "../../../environments/tools/registry.ts";
import { defineTool, type Tool, ToolFault } from "../../../environments/tools/tool.ts";
import { withTools } from "../../../environments/tools/tool_environment.ts";
import { Toolkit, type ToolOptions } from "../../../environments/tools/toolkit.ts";
import { imageOf } from "../../../images/image.ts";
import type { Completion, ReadTurn } from "../../../policy/port.ts";
import { imagesIn } from "../../../policy/prompts.ts";
import { type Environment, promptOf, type Start } from "../../../training/environment.ts";
import { rollOut, type Trajectory } from "../../../training/rollout.ts";

const picture = imageOf(
  4,
  4,
  Uint8Array.from({ length: 48 }, (_, i) => 5 * i),
);

/** Right is what says 42; another answer gets one more picture. */
const within: Environment = {
  name: "within",
  tasks: 3,
  async reset(task, { fit }) {
    expect(fit({ width: 4000, height: 3000 })).toBe(null);
    const turns = [{ role: "user", parts: [picture, "how many ?"] }] as const;
    return { turns, state: { task }, name: "one", question: "how many ?", label: "42", file: null };
  },
  async step(state, { text }) {
    if (!text.includes("42"))
      return { turns: [{ role: "user", parts: ["no: ", picture] }], state, parts: { wrong: 1 } };
    return { turns: null, parts: { correctness: 1 }, success: true };
  },
  async [Symbol.asyncDispose]() {},
};

const echo: Tool = defineTool({
  name: "echo",
  description: "says it again",
  arguments: z.strictObject({ text: z.string(), times: z.int().min(1).max(9).default(1) }),
  isPure: false,
  async run({ text, times }, { before, seed, images }) {
    if (text === "fail") throw new Error("out of order");
    if (text === "never") await new Promise(() => {});
    if (text === "fault") throw new ToolFault("tooLarge", "a gigabyte");
    return [`${text.repeat(times)} after ${before.length}, ${images.length} pictures, ${typeof seed}`];
  },
});

const options: ToolOptions = {
  ...{ section: null, form: "template" },
  ...{ maxCalls: 3, price: 0.1, prices: { crop: 2 }, freeCalls: 1, faultPrice: 0.5, bonus: 0.25 },
  ...{ timeLimitMs: 200, maxText: 30, maxPixels: 1_000_000 },
};
const crop = builtInTools.get("crop") as Tool;
const environment = withTools(within, new Toolkit([echo, crop], options));

const call = (name: string, given: unknown) =>
  `thinking <tool_call>${JSON.stringify({ name, arguments: given })}</tool_call>`;

/** A trajectory in which a policy says these texts. */
async function play(...texts: string[]) {
  const start = await environment.reset(0, { seed: 1, fit: (size) => ({ ...size, filter: "bicubic" }) });
  return playFrom(start, ...texts);
}

async function playFrom(start: Start, ...texts: string[]) {
  const sample = async (asked: readonly unknown[], _group: number, turn: number) =>
    asked.map((): Completion[] => {
      const text = texts[turn] as string;
      return [
        {
          text,
          tokens: new Int32Array(text.length),
          logProbs: new Float32Array(text.length),
          finishReason: "stop",
        },
      ];
    });
  const beginning = { prompt: promptOf(start), state: start.state };
  const [group] = await rollOut([beginning], environment, sample, { groupSize: 1, maxTurns: texts.length });
  return group?.[0] as Trajectory;
}

/** What was observed after each turn, its text as one. */
function observed({ completion }: Trajectory): string[] {
  return (completion.observations ?? []).map(({ turns }) =>
    turns
      .flatMap(({ parts }) =>
        parts.map((part) => (typeof part === "string" ? part : `[${part.width}x${part.height}]`)),
      )
      .join(""),
  );
}

describe("an environment with tools", () => {
  test("says what they are before all else, and where a call ends", async () => {
    const { turns } = await environment.reset(0, { seed: 1, fit: () => null });
    const [section] = turns as [ReadTurn];
    expect(section.role).toBe("system");
    const lines = (section.parts[0] as string)
      .split("\n")
      .slice(1)
      .map((line) => JSON.parse(line));
    expect(lines.map(({ name }) => name)).toEqual(["echo", "crop"]);
    expect(lines[0]).toEqual({
      name: "echo",
      description: "says it again",
      parameters: {
        type: "object",
        properties: {
          text: { type: "string" },
          times: { type: "integer", minimum: 1, maximum: 9, default: 1 },
        },
        required: ["text"],
        additionalProperties: false,
      },
    });
    expect(section.parts[0]).toContain('<tool_call>{"name": "NAME", "arguments": {…}}</tool_call>');
    expect(environment.stopTexts).toEqual(["</tool_call>"]);
  });

  test("answers calls turn by turn, with text and pictures, and lets the environment answer the rest", async () => {
    const trajectory = await play(
      call("echo", { text: "ab", times: 2 }),
      call("crop", { box: [0, 0, 500, 250] }),
      "perhaps 7",
      call("echo", { text: "c" }),
      "it is 42",
    );
    expect(observed(trajectory)).toEqual([
      "<tool_response>abab after 0, 1 pictures, numb… (cut after 30 characters)</tool_response>",
      "<tool_response>[2x1]</tool_response>",
      "no: [4x4]",
      "<tool_response>c after 1, 3 pictures, number</tool_response>",
    ]);
    expect(trajectory.turns.map(({ call }) => call)).toEqual([
      { tool: "echo", fault: null },
      { tool: "crop", fault: null },
      null,
      { tool: "echo", fault: null },
      null,
    ]);
    // The first is free, a crop costs twice as much, and success with a tool has its bonus.
    const { toolCalls = 0, ...others } = trajectory.parts ?? {};
    expect(toolCalls).toBeCloseTo(-0.3, 12);
    expect(others).toEqual({ toolFaults: 0, wrong: 1, correctness: 1, toolSuccess: 0.25 });
    const shown = trajectory.completion.observations?.flatMap(({ turns }) => imagesIn(turns)) ?? [];
    expect(shown.map(({ width }) => width)).toEqual([2, 4]);
  });

  test.each([
    ["unknownTool", call("echos", {}), /found no tool "echos", expected one of echo, crop/],
    ["notJson", "<tool_call>{name: echo}</tool_call>", /found what is no JSON/],
    ["notJson", "<tool_call>[1]</tool_call>", /found a call without a name/],
    ["notJson", '<tool_call>{"name": "echo"', /found a call without <\/tool_call>/],
    ["wrongArguments", call("echo", { text: 3 }), /expected string/],
    ["wrongArguments", call("echo", { text: "a", loud: true }), /loud/],
    ["wrongArguments", call("crop", { box: [500, 0, 400, 100] }), /expected left < right/],
    ["wrongArguments", call("crop", { image: 2, box: [0, 0, 9, 9] }), /found picture 2, expected one of 1/],
    ["failed", call("echo", { text: "fail" }), /out of order/],
    ["tooLarge", call("echo", { text: "fault" }), /a gigabyte/],
    ["timedOut", call("echo", { text: "never" }), /it took more than 0.2 s/],
  ])("tells the policy what is wrong, and costs it: %s", async (fault, text, message) => {
    const trajectory = await play(text, "42");
    expect(observed(trajectory)[0]).toMatch(new RegExp(`^<tool_response>error: ${fault}: `));
    expect(observed(trajectory)[0]).toMatch(message);
    expect(trajectory.turns[0]?.call?.fault).toBe(fault);
    expect(trajectory.parts).toEqual({ toolCalls: 0, toolFaults: -0.5, correctness: 1 });
  });

  test("answers calls as Qwen3.5 writes them, whose values have the types of the tool", async () => {
    const tagged = (name: string, given: object) =>
      `<tool_call>\n<function=${name}>\n${Object.entries(given)
        .map(([parameter, value]) => `<parameter=${parameter}>\n${value}\n</parameter>\n`)
        .join("")}</function>\n</tool_call>`;
    const trajectory = await play(
      tagged("echo", { text: 12, times: 3 }),
      tagged("echo", { text: "a", times: "often" }),
      "<tool_call>\n<function=echo>\n</tool_call>",
      "it is 42",
    );
    expect(observed(trajectory)[0]).toContain("121212 after 0");
    expect(trajectory.turns.map(({ call }) => call)).toEqual([
      { tool: "echo", fault: null },
      { tool: "echo", fault: "wrongArguments" },
      { tool: "", fault: "notJson" },
      null,
    ]);
  });

  test("allows so many calls and no more", async () => {
    const again = call("echo", { text: "a" });
    const trajectory = await play(again, again, again, again, "42");
    expect(observed(trajectory)[3]).toBe(
      "<tool_response>error: notAllowed: all 3 calls were made; answer now</tool_response>",
    );
    expect(trajectory.parts?.toolCalls).toBeCloseTo(-0.3, 12);
  });

  test("stops waiting for a tool where nobody waits for the trajectory", async () => {
    const { state } = await environment.reset(0, { seed: 1, fit: () => null });
    const controller = new AbortController();
    const text = call("echo", { text: "never" });
    const action = { text, tokens: new Int32Array(3), finishReason: "stop" as const };
    const waiting = environment.step(state, action, controller.signal);
    controller.abort(new Error("stopped"));
    await expect(waiting).rejects.toThrow("stopped");
  });
});

describe("where the chat template has a form for tools", () => {
  const begin = (changes: Partial<ToolOptions> = {}, hasToolForm = true) => {
    const own = withTools(within, new Toolkit([echo, crop], { ...options, ...changes }));
    return own.reset(0, { seed: 1, fit: () => null, hasToolForm });
  };

  test("that tells what they are, and puts tags around answers", async () => {
    const start = await begin();
    const { turns, tools } = promptOf(start);
    expect(turns.map(({ role }) => role)).toEqual(["user"]);
    expect(tools?.map(({ type, function: { name } }) => [type, name])).toEqual([
      ["function", "echo"],
      ["function", "crop"],
    ]);
    expect(start.tools).toEqual({ functions: tools, told: "template" });
    const trajectory = await playFrom(start, call("echo", { text: "ab" }), "42");
    expect(trajectory.completion.observations?.[0]?.turns).toEqual([
      { role: "tool", parts: ["ab after 0, 1 pictures, number"] },
    ]);
  });

  test.each([
    [{ section: "You may call echo." }, true, "ownWords", ["system", "user"]],
    [{ section: "" }, true, "ownWords", ["user"]],
    [{ form: "section" }, true, "usualWords", ["system", "user"]],
    [{}, false, "usualWords", ["system", "user"]],
  ] as const)("but for %j, where it has one: %s", async (changes, hasToolForm, told, roles) => {
    const start = await begin(changes, hasToolForm);
    expect(start.tools?.told).toBe(told);
    expect(promptOf(start).tools).toBe(undefined);
    expect(start.turns.map(({ role }) => role)).toEqual(roles);
    const { completion } = await playFrom(start, call("echo", { text: "ab" }), "42");
    const [answer] = completion.observations?.[0]?.turns ?? [];
    expect(answer?.parts).toEqual(["<tool_response>", "ab after 0, 1 pictures, number", "</tool_response>"]);
  });
});
