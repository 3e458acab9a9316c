import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { ModuleOptions } from "../../../environments/own/module_pool.ts";
import { openOwnTool } from "../../../environments/own/own_tool.ts";
import type { Tool } from "../../../environments/tools/tool.ts";
import { ToolRunner } from "../../../environments/tools/tool_runner.ts";
import { functionOf, toolSection } from "../../../environments/tools/tool_section.ts";
import { encodePng } from "../../../images/encode.ts";
import { imageOf, type RgbImage } from "../../../images/image.ts";
import { blocksOf } from "../../docs/pages.ts";
import { pngHeader } from "../../fakes/png_header.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-own-tool-"));
afterAll(() => rmSync(folder, { recursive: true }));

const red = imageOf(2, 1, Uint8Array.of(255, 0, 0, 255, 0, 0));
writeFileSync(join(folder, "red.png"), await encodePng(red));

let modules = 0;
/** A tool from a module's text. */
function open(text: string, given: Partial<ModuleOptions> = {}): Promise<Tool & AsyncDisposable> {
  const path = join(folder, `own${modules++}.ts`);
  writeFileSync(path, text);
  const limits = { threads: 2, timeLimitMs: 60_000, memoryMb: 64 };
  return openOwnTool(path, { setting: "stages.0.tools.use.1", options: {}, ...limits, ...given });
}

/** A tool that does what a body says, to `args` and its context `told`. */
const doing = (body: string, given: Partial<ModuleOptions> = {}) =>
  open(
    `const hold: unknown[] = [];
     export default (options: any) => ({
       name: "mine", description: "does it", parameters: { type: "object", properties: { what: { type: "string" } } },
       async run(args: any, told: any) {
         if (args.what === "right") return "well";
         ${body}
       } });`,
    given,
  );

function call(tool: Tool, given: unknown, more: { readonly images?: readonly RgbImage[] } = {}) {
  // Its own limit counts; the runner's would end every call at once.
  const runner = new ToolRunner([tool], { timeLimitMs: 1, maxText: 1000, maxPixels: 1_000_000 });
  const context = { images: [], before: [], seed: 3, signal: new AbortController().signal, ...more };
  return runner.answer({ name: tool.name, arguments: given }, context);
}

describe("a user's own tool", () => {
  test("is told its options, arguments and what was before, and answers with text and pictures", async () => {
    const body = `return [JSON.stringify({ options, args, seed: told.seed, before: told.before, shown: told.images.map((i: any) => [i.width, i.data[0]]) }),
      { file: "red.png" }, { width: 1, height: 1, data: new Uint8Array([1, 2, 3]) }];`;
    await using tool = await doing(body, { options: { size: 4 } });
    const answer = await call(tool, { what: "all" }, { images: [red] });
    expect(answer).toEqual({
      fault: null,
      parts: [
        '{"options":{"size":4},"args":{"what":"all"},"seed":3,"before":[],"shown":[[2,255]]}',
        red,
        imageOf(1, 1, Uint8Array.of(1, 2, 3)),
      ],
    });
  });

  test("is told to the model as its author wrote it, and held to its schema", async () => {
    await using tool = await open(
      `export default () => ({ name: "find", description: "finds it", pure: true,
         parameters: { type: "object", properties: { n: { type: "integer", minimum: 2, description: "how many" }, of: { type: "string", default: "all" } }, required: ["n"] },
         run: ({ n, of }: any) => n + " of " + of });`,
    );
    const section = JSON.parse(toolSection([functionOf(tool)]).split("\n")[1] as string);
    expect(section).toEqual({
      name: "find",
      description: "finds it",
      parameters: {
        type: "object",
        properties: {
          n: { type: "integer", minimum: 2, description: "how many" },
          of: { type: "string", default: "all" },
        },
        required: ["n"],
      },
    });
    expect(tool.isPure).toBe(true);
    expect(await call(tool, { n: 3 })).toEqual({ fault: null, parts: ["3 of all"] });
    for (const wrong of [{}, { n: 1 }, { n: 2.5 }, { n: "3" }, { n: 3, of: 4 }])
      expect((await call(tool, wrong)).fault).toBe("wrongArguments");
  });

  test.each([
    ["exports no function", "export const name = 3;", /exports name, expected a function/],
    ["throws", 'export default () => { throw new Error("no map"); };', /own\d+.ts threw: no map/],
    ["gives nothing", "export default () => null;", /gave null, expected \{name, description/],
    [
      "cannot run",
      'export default () => ({ name: "a", description: "b", parameters: { type: "object" } });',
      /no function run/,
    ],
    [
      "has no name",
      'export default () => ({ name: "a b", description: "b", run() {} });',
      /the name "a b", expected one of letters/,
    ],
    [
      "is not described",
      'export default () => ({ name: "a", run() {}, parameters: { type: "object" } });',
      /no description/,
    ],
  ])("that %s is refused as it is opened", async (_, text, message) => {
    await expect(open(text)).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(message),
    });
  });

  test.each([
    ["nothing", "undefined"],
    ["a text", '"object"'],
    ["the schema of a text", '{ type: "string" }'],
    ["an unknown type", '{ type: "object", properties: { n: { type: "strng" } } }'],
    ["properties that are none", '{ type: "object", properties: 3 }'],
    ["a list that is a text", '{ type: "object", required: "n" }'],
  ])("whose parameters are no JSON Schema is refused as it is opened: %s", async (_, parameters) => {
    const made = `{ name: "a", description: "b", run() {}, parameters: ${parameters} }`;
    await expect(open(`export default () => (${made});`)).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(
        /^stages.0.tools.use.1: .*own\d+.ts gave parameters that are no JSON Schema/,
      ),
    });
  });

  test.each([
    ["throws", 'throw new Error("lost");', "failed", /^error: failed: lost$/],
    ["answers with nothing", "return;", "failed", /run gave undefined, expected a text, a picture/],
    [
      "answers with a broken picture",
      "return { bytes: new Uint8Array([1, 2]) };",
      "failed",
      /cannot be used/,
    ],
    [
      "answers with a picture of too many pixels",
      "return { width: 2000, height: 1000, data: new Uint8Array(6_000_000) };",
      "tooLarge",
      /2000x1000 = 2000000 pixels, expected at most 1000000 \(tools\.maxPixels\)/,
    ],
    [
      "answers with a file that would take all memory as a picture",
      `return { bytes: Buffer.from("${pngHeader(60_000, 60_000).toString("hex")}", "hex") };`,
      "tooLarge",
      /run gave a picture: found 60000x60000 = 3600000000 pixels/,
    ],
    ["never comes back", "for (;;);", "timedOut", /run took more than 0.5 s \(tools.timeLimit\)/],
    ["waits for ever", "await new Promise(() => {});", "timedOut", /0.5 s/],
    ["ends its process", "process.exit(3);", "failed", /exit code 3/],
    [
      "takes all memory",
      "for (;;) hold.push(Array.from({ length: 1e6 }, Math.random));",
      "failed",
      /memory|exit code/,
    ],
  ])(
    "that %s spoils that call alone",
    async (_, body, fault, message) => {
      // A machine that is busy may take longer to begin a thread than a call may take.
      const timeLimitMs = fault === "timedOut" ? 500 : 60_000;
      await using tool = await doing(body, { timeLimitMs });
      const both = await Promise.all([call(tool, { what: "wrong" }), call(tool, { what: "right" })]);
      expect(both).toEqual([
        { fault, parts: [expect.stringMatching(message)] },
        { fault: null, parts: ["well"] },
      ]);
      expect(await call(tool, { what: "right" })).toEqual({ fault: null, parts: ["well"] });
    },
    120_000,
  );

  test("has its time from when it has a thread", async () => {
    const body = "await new Promise((resolve) => setTimeout(resolve, 300)); return 'late';";
    await using tool = await doing(body, { threads: 1, timeLimitMs: 900 });
    const answers = await Promise.all(Array.from({ length: 6 }, () => call(tool, { what: "wait" })));
    expect(answers.map(({ fault }) => fault)).toEqual(new Array(6).fill(null));
  }, 60_000);
});

test("the tool that docs/tools.md shows does what it says", async () => {
  const shown = blocksOf("docs/tools.md").find(({ language }) => language === "ts");
  await using tool = await open(shown?.code ?? "", { options: { color: [0, 0, 255] } });
  const black = imageOf(8, 4, new Uint8Array(96));
  expect((await call(tool, { n: 9 }, { images: [black] })).fault).toBe("wrongArguments");
  const { parts } = await call(tool, { n: 2 }, { images: [black] });
  expect(parts[0]).toBe("4 fields, from left to right and from top to bottom");
  const { data } = parts[1] as RgbImage;
  const isBlue = (x: number, y: number) => data[3 * (8 * y + x) + 2] === 255;
  const blue = Array.from({ length: 32 }, (_, i) => isBlue(i % 8, Math.floor(i / 8)));
  expect(blue).toEqual(Array.from({ length: 32 }, (_, i) => i % 8 === 4 || Math.floor(i / 8) === 2));
});
