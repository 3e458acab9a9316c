import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEnvironments, type RunEnvironments } from "../../cli/environments.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import { defaultReasonerTemplates } from "../../reasoner/prompt.ts";
import type { Environment } from "../../training/environment.ts";
import { configOf } from "../fakes/config.ts";
import { visplay } from "./visplay.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-tools-"));
afterAll(() => rmSync(folder, { recursive: true }));

const own = join(folder, "shout.ts");
const documents = join(folder, "documents");
const everything = `${process.execPath} node_modules/@modelcontextprotocol/server-everything/dist/index.js`;

beforeAll(() => {
  writeFileSync(
    own,
    `export default ({ sign = "!" }) => ({ name: "echo", description: "says it louder",
       parameters: { type: "object", properties: { text: { type: "string" } } },
       run: ({ text }: any, { images }: any) => text.toUpperCase() + sign + images.length });`,
  );
  mkdirSync(documents);
  writeFileSync(join(documents, "a.txt"), "Herons eat frogs.");
});

/** A stage on scenes with these tools. */
function open(tools: unknown): Promise<RunEnvironments> {
  const config = configOf({ stages: [{ kind: "environment", tools }] });
  const opening = { signal: new AbortController().signal, say: () => {}, show: () => {} };
  const templates = { questioner: "ask", ...defaultReasonerTemplates };
  const materials = { images: new SceneSource(config.images.scenes), templates, labelled: [] };
  return openEnvironments(config, materials, opening);
}

/** What a call is answered with. */
async function answer(environment: Environment, name: string, given: object): Promise<unknown> {
  const { state } = await environment.reset(0, { seed: 0, fit: () => null });
  const text = `<tool_call>${JSON.stringify({ name, arguments: given })}</tool_call>`;
  const { turns } = await environment.step(state, { text, tokens: new Int32Array(1), finishReason: "stop" });
  return turns?.[0]?.parts.slice(1, -1);
}

describe("tools of a stage", () => {
  const all = ["zoom", { name: own, options: { sign: "?" } }, { search: documents }, { mcp: everything }];

  test("are opened with it, a server's under its own name where that is another's, too", async () => {
    await using opened = await open({ use: all, prices: { search: 2 } });
    const [environment] = opened.environments as [Environment];
    expect(await answer(environment, "echo", { text: "so" })).toEqual(["SO?1"]);
    expect(await answer(environment, "search", { query: "frogs" })).toEqual(["[1] a.txt\nHerons eat frogs."]);
    expect((await answer(environment, "get-sum", { a: 1, b: 2 })) as string[]).toEqual([
      expect.stringContaining("3"),
    ]);
    const { turns } = await environment.reset(0, { seed: 0, fit: () => null });
    const section = String(turns[0]?.parts[0]);
    const names = section
      .split("\n")
      .slice(1)
      .map((line) => JSON.parse(line).name as string);
    expect(names.slice(0, 3)).toEqual(["zoom", "echo", "search"]);
    const theirs = names.find((name) => name.endsWith("_echo")) as string;
    expect(await answer(environment, theirs, { message: "so" })).toEqual(["Echo: so"]);
  }, 60_000);

  test("may run what the model writes", async () => {
    await using opened = await open(["python"]);
    const [environment] = opened.environments as [Environment];
    expect(await answer(environment, "python", { code: "sum(range(101))" })).toEqual(["5050\n"]);
  }, 60_000);

  test("are pinned by what they are made of", async () => {
    const pins = async () => {
      await using opened = await open(all);
      return opened.inputs;
    };
    const first = await pins();
    const names = [1, 2, 3].map((i) => `stages.0.tools.use.${i}`);
    expect(Object.keys(first)).toEqual(names);
    expect(await pins()).toEqual(first);
    appendFileSync(own, "// another one\n");
    appendFileSync(join(documents, "a.txt"), "And fish.");
    const second = await pins();
    expect(names.map((name) => first[name] === second[name])).toEqual([false, false, true]);
  }, 60_000);

  test.each([
    ["[zoom, zoom]", /stages.0.tools.use.1: there is another tool named zoom/],
    ["{use: [zoom], prices: {zom: 2}}", /stages.0.tools.prices: found zom, expected one of zoom/],
    ["[./nowhere.ts]", /stages.0.tools.use.0: there is no file .*nowhere.ts/],
    ["[zoom, {search: ./nowhere}]", /stages.0.tools.use.1.search: .*nowhere cannot be read/],
    ["[{ocr: zzz}]", /stages.0.tools.use.0.ocr needs .*: npm install @tesseract.js-data\/zzz/],
    [
      "[{detect: ./nowhere}]",
      /stages.0.tools.use.0.detect: found no model in .*expected a folder with config.json/,
    ],
    ["[{mcp: no-such-program}]", /stages.0.tools.use.0.mcp: no MCP server answers at "no-such-program"/],
    ["[zom]", /stages.0.tools.use.0.name .*: found "zom", expected one of zoom, .*module of your own/],
    ["[{serch: a}]", /unknown key serch in stages.0.tools.use.0.*did you mean search\?/],
    [
      "[{search: a, mcp: b}]",
      /stages.0.tools.use.0 .*: found {.*}, expected just one of name, ocr, detect, classify, caption, search, mcp/,
    ],
    [
      "[{name: zoom, threads: 3}]",
      /stages.0.tools.use.0.threads .*: found 3, expected it with a module of your own/,
    ],
    ["[{name: ./a.ts, threads: 0}]", /stages.0.tools.use.0.threads .*found 0, expected number to be >=1/],
  ])("are refused before any model is opened: %s", async (tools, message) => {
    const run = join(folder, "never");
    const stage = `stages.0={kind: environment, tools: ${tools}}`;
    const { status, stderr } = await visplay(
      "train",
      "--out",
      run,
      "--set",
      "evaluation.questions=0",
      "--set",
      stage,
    );
    expect(stderr).toMatch(message);
    expect([3, 4]).toContain(status);
    expect(existsSync(run)).toBe(false);
  });

  test("of a list can be changed one by one", async () => {
    const { stdout } = await visplay(
      ...["config", "--set", "stages.0={kind: environment, tools: [zoom, ./a.ts]}"],
      ...["--set", "stages.0.tools.price=0.25", "--set", "stages.0.tools.use.1.threads=7"],
    );
    for (const line of [/name: zoom/, /name: .\/a.ts/, /threads: 7/, /price: 0.25/])
      expect(stdout).toMatch(line);
  });

  test("are printed so that they can be read again", async () => {
    const stage = `stages.0={kind: environment, tools: [zoom, ./a.ts, {search: docs}, {mcp: "a b"}]}`;
    const { stdout } = await visplay("config", "--set", stage);
    const file = join(folder, "settings.yaml");
    writeFileSync(file, stdout);
    expect((await visplay("config", "--config", file)).stdout).toBe(stdout);
    for (const line of [/name: zoom/, /name: .\/a.ts/, /memory: 1024/, /search: docs/, /mcp: a b/])
      expect(stdout).toMatch(line);
  });
});
