import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { ModuleOptions } from "../../environments/own/module_pool.ts";
import { OwnEnvironment } from "../../environments/own/own_environment.ts";
import { encodePng } from "../../images/encode.ts";
import { imageOf } from "../../images/image.ts";
import { isImagePart } from "../../policy/prompts.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-own-"));
afterAll(() => rmSync(folder, { recursive: true }));

const red = imageOf(2, 1, Uint8Array.of(255, 0, 0, 255, 0, 0));
writeFileSync(join(folder, "red.png"), await encodePng(red));

let modules = 0;
/** An environment from a module's text. */
function open(text: string, given: Partial<ModuleOptions> = {}): Promise<OwnEnvironment> {
  const path = join(folder, `own${modules++}.ts`);
  writeFileSync(path, text);
  const limits = { threads: 2, timeLimitMs: 20_000, memoryMb: 64 };
  const options = { setting: "stages.0.environment.name", options: {}, ...limits };
  return OwnEnvironment.open(path, { ...options, ...given });
}

const start = `turn: ["look", { file: "red.png" }]`;
const say = (text: string) => ({ text, tokens: new Int32Array(text.length), finishReason: "stop" as const });
const reset = { seed: 3, fit: () => null };

/** An environment that does in `step` what an action says, once it is begun. */
const doing = (body: string, given: Partial<ModuleOptions> = {}) =>
  open(
    `const hold: Uint8Array[] = [];
     export default () => ({ tasks: 5, reset: () => ({ ${start}, state: 0 }), async step(state: any, { text }: any) {
       if (text === "right") return { done: true, parts: { right: 1 }, success: true };
       ${body}
     } });`,
    given,
  );

describe("a user's own environment", () => {
  test("is told its options, tasks, seeds and actions, and its turns become the policy's", async () => {
    await using environment = await open(
      `export default ({ most }: { most: number }) => ({
         tasks: most,
         reset: (task: number, seed: number) =>
           ({ turn: [String(task), { file: "red.png" }], state: { task, seed }, question: "which ?", label: "red", name: "one" }),
         step: async (state: object, action: object) =>
           ({ turn: { width: 1, height: 1, data: new Uint8Array([1, 2, 3]) }, role: "tool", state: { ...state, action }, parts: { a: 0.5 } }),
       });`,
      { options: { most: 7 } },
    );
    expect(environment.tasks).toBe(7);
    const begun = await environment.reset(4, reset);
    expect(begun).toEqual({
      turns: [{ role: "user", parts: ["4", red] }],
      state: { task: 4, seed: 3 },
      ...{ question: "which ?", label: "red", name: "one", file: null },
    });
    const cut = { ...say("blue"), finishReason: "length" as const };
    expect(await environment.step(begun.state, cut)).toEqual({
      turns: [{ role: "tool", parts: [imageOf(1, 1, Uint8Array.of(1, 2, 3))] }],
      state: { task: 4, seed: 3, action: { text: "blue", tokens: 4, truncated: true } },
      parts: { a: 0.5 },
    });
  });

  test("demonstrates where it can, and where it cannot does not say so", async () => {
    const body = `tasks: 1, reset: () => ({ ${start}, state: 4 }), step: () => ({ done: true, parts: {} })`;
    await using able = await open(
      `export default () => ({ ${body}, demonstrate: (state: number, turn: number) => turn < 2 ? "say " + state + turn : "" });`,
    );
    expect(await able.demonstrate?.(4, 1)).toBe("say 41");
    await expect(able.demonstrate?.(4, 2)).rejects.toMatchObject({ kind: "nonsense" });
    await using unable = await open(`export default () => ({ ${body} });`);
    expect(unable.demonstrate).toBe(undefined);
  });

  test("judges what is said of the picture where it can, from 0 to 1", async () => {
    const body = `tasks: 1, reset: () => ({ ${start}, state: 4 }), step: () => ({ done: true, parts: {} })`;
    await using able = await open(
      `export default () => ({ ${body}, understanding: (state: number, text: string) =>
         text === "" ? null : text.length / state });`,
    );
    expect(await able.understanding?.(4, "red")).toBe(0.75);
    expect(await able.understanding?.(4, "")).toBe(null);
    await expect(able.understanding?.(4, "orange")).rejects.toMatchObject({
      kind: "nonsense",
      message: "understanding gave 1.5, expected a number from 0 to 1, or null",
    });
    await using unable = await open(`export default () => ({ ${body} });`);
    expect(unable.understanding).toBe(undefined);
  });

  test("shows pictures of encoded bytes, and may not be able to judge", async () => {
    const bytes = [...(await encodePng(red))];
    await using environment = await open(
      `export default () => ({ tasks: 1,
         reset: () => ({ turn: { bytes: new Uint8Array([${bytes}]) }, state: null }),
         step: () => ({ done: true, parts: null }) });`,
    );
    const { turns, question, label, name } = await environment.reset(0, reset);
    expect(turns[0]?.parts.filter(isImagePart)).toEqual([red]);
    expect([question, label, name]).toEqual(["", null, "task 0"]);
    expect(await environment.step(null, say("x"))).toEqual({ turns: null, parts: null, success: false });
  });

  test.each([
    ["exports no function", "export const tasks = 3;", /exports tasks, expected a function/],
    ["throws", 'export default () => { throw new Error("no map"); };', /own\d+.ts threw: no map/],
    ["gives nothing", "export default () => undefined;", /gave undefined, expected \{tasks, reset/],
    ["has no step", "export default () => ({ tasks: 1, reset() {} });", /gave no function step/],
    [
      "has no tasks",
      "export default () => ({ tasks: 0, reset() {}, step() {} });",
      /gave tasks: 0, expected how many/,
    ],
    [
      "cannot begin its first task",
      "export default () => ({ tasks: 1, reset: () => ({ turn: 3, state: 0 }), step() {} });",
      /: reset gave 3, expected \{turn, state\}/,
    ],
    [
      "shows no picture",
      'export default () => ({ tasks: 1, reset: () => ({ turn: "look", state: 0 }), step() {} });',
      /reset gave a turn without a picture/,
    ],
    [
      "shows a picture that is none",
      'export default () => ({ tasks: 1, reset: () => ({ turn: { file: "blue.png" }, state: 0 }), step() {} });',
      /reset gave a picture that cannot be used \(.*blue\.png/,
    ],
  ])("that %s is refused as it is opened", async (_, text, message) => {
    await expect(open(text)).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(message),
    });
  });

  test.each([
    ["throws", 'throw new Error("lost");', "threw", /^lost$/],
    ["gives nothing", "return;", "nonsense", /^step gave undefined, expected \{turn, state, parts\}/],
    [
      "earns what is no number",
      "return { done: true, parts: { a: NaN } };",
      "nonsense",
      /parts \{"a":null\}/,
    ],
    ["has a state that cannot be kept", `return { ${start}, state: () => 1 };`, "nonsense", /no plain data/],
    [
      "speaks for the policy",
      `return { ${start}, state: 0, role: "assistant" };`,
      "nonsense",
      /the role "assistant"/,
    ],
    ["never comes back", "for (;;);", "late", /^step took more than 0.5 s \(environment.timeLimit\)$/],
    ["waits for ever", "await new Promise(() => {});", "late", /0.5 s/],
    ["ends its process", "process.exit(3);", "crashed", /exit code 3/],
    [
      "takes all memory",
      "for (;;) hold.push(Array.from({ length: 1e6 }, Math.random) as never);",
      "crashed",
      /memory|exit code/,
    ],
  ])(
    "that %s spoils that call alone",
    async (_, body, kind, message) => {
      // A machine that is busy may take longer to begin a thread than a call may take.
      const timeLimitMs = kind === "late" ? 500 : 60_000;
      await using environment = await doing(body, { timeLimitMs });
      const both = await Promise.allSettled([
        environment.step(0, say("wrong")),
        environment.step(0, say("right")),
      ]);
      expect(both).toMatchObject([
        { status: "rejected", reason: { kind, message: expect.stringMatching(message) } },
        { status: "fulfilled", value: { turns: null, parts: { right: 1 }, success: true } },
      ]);
      expect(await environment.step(0, say("right"))).toMatchObject({ success: true });
    },
    120_000,
  );

  test("has as many calls at a time as threads, and all are answered", async () => {
    await using environment = await doing(`return { ${start}, state: state + Number(text), parts: {} };`);
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, i) => environment.step(100, say(String(i)))),
    );
    expect(outcomes.map((outcome) => (outcome.turns ? outcome.state : null))).toEqual(
      Array.from({ length: 30 }, (_, i) => 100 + i),
    );
  });

  test("is let go at once where nobody waits for it", async () => {
    await using environment = await doing("for (;;);");
    const controller = new AbortController();
    const call = environment.step(0, say("wrong"), controller.signal);
    setTimeout(() => controller.abort(), 50);
    await expect(call).rejects.toMatchObject({ code: "cancelled" });
    await expect(environment.step(0, say("right"), controller.signal)).rejects.toMatchObject({
      code: "cancelled",
    });
    expect(await environment.step(0, say("right"))).toMatchObject({ success: true });
  });
});
