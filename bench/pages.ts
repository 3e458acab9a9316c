/**
 * `npm run bench:pages`: tools at a thousand trajectories, without a model. A script reads printed pages by `ocr`, looks closer by
 * `zoom`, calls what is not there and more than it may, and answers; what it did on purpose is what figures and records have to
 * say. How many trajectories a second, and what a call takes beside its tool's own time.
 */
import { availableParallelism } from "node:os";
import { program } from "commander";
import { trajectoryFigures } from "../arena/trajectories.ts";
import { questionEnvironment } from "../environments/question.ts";
import { openOcr } from "../environments/tools/ocr/ocr.ts";
import { zoom } from "../environments/tools/picture_tools.ts";
import type { Tool } from "../environments/tools/tool.ts";
import { withTools } from "../environments/tools/tool_environment.ts";
import { Toolkit } from "../environments/tools/toolkit.ts";
import { score } from "../environments/verify.ts";
import type { Completion, Prompt } from "../policy/port.ts";
import { defaultReasonerTemplates } from "../reasoner/prompt.ts";
import { type Environment, promptOf, type Start } from "../training/environment.ts";
import { textsIn } from "../training/judgement.ts";
import { type AskedTurn, rollOut, type Trajectory } from "../training/rollout.ts";
import { figuresTable, writeFigures } from "./figures.ts";
import { linesOfPage, pageQuestions } from "./gym/pages.ts";

const { json, trajectories: count } = program
  .name("npm run bench:pages --")
  .description("tools at many trajectories: a script that reads printed pages, without a model")
  .option("--json <file>", "where to write the figures")
  .option("--trajectories <n>", "how many", Number, 1000)
  .parse()
  .opts<{ json?: string; trajectories: number }>();

const atOnce = 40;
const perPage = linesOfPage;
const maxCalls = 2;

/** Milliseconds that tools took themselves. */
let toolMs = 0;
/** And the steps in which they were called. */
let stepMs = 0;
let runs = 0;

/** The tool, with its own time counted. */
function timed(tool: Tool): Tool {
  return {
    ...tool,
    async run(given, context) {
      const startedMs = performance.now();
      runs++;
      try {
        return await tool.run(given, context);
      } finally {
        toolMs += performance.now() - startedMs;
      }
    },
  };
}

const judge = { verifier: "equivalent", tolerance: 0 } as const;
const questions = questionEnvironment(
  pageQuestions({ pages: Math.ceil(count / perPage), perPage, seed: 7 }),
  defaultReasonerTemplates,
  async (task, { completion, parsed }) => {
    const vote = parsed.outcome === "answered" ? parsed.canonical : null;
    const correctness = score(judge, { vote, text: vote, written: completion.text }, task);
    return { parts: { correctness }, correctness };
  },
);
await using toolkit = new Toolkit(
  [timed(zoom), timed(await openOcr("eng", { setting: "bench:pages", timeLimitMs: 60_000 }))],
  {
    ...{
      section: null,
      form: "section",
      maxCalls,
      price: 0.05,
      prices: {},
      freeCalls: 0,
      faultPrice: 0,
      bonus: 0,
    },
    ...{ timeLimitMs: 60_000, maxText: 4000, maxPixels: 64_000_000 },
  },
);
const environment = withTools(questions, toolkit);

/** What a trajectory is for, by its number. */
type Kind = "straight" | "closer" | "unknownTool" | "wrongArguments" | "notAllowed";
const kinds: readonly Kind[] = ["straight", "straight", "straight", "straight", "closer", "closer", "closer"];
const faulty: readonly Kind[] = ["unknownTool", "wrongArguments", "notAllowed"];
const kindOf = (task: number): Kind => [...kinds, ...faulty][task % 10] as Kind;

const call = (name: string, given: object): string =>
  `<tool_call>${JSON.stringify({ name, arguments: given })}</tool_call>`;
const read = call("ocr", {});
/** What the script says before it answers. */
const openings: Readonly<Record<Kind, readonly string[]>> = {
  straight: [read],
  closer: [call("zoom", { box: [0, 0, 1000, 1000] }), call("ocr", { image: 2 })],
  unknownTool: [call("read", {}), read],
  wrongArguments: [call("ocr", { box: [900, 0, 100, 1000] }), read],
  notAllowed: [read, call("zoom", { box: [0, 0, 500, 500] }), read],
};
const faultsOf = (kind: Kind): number => (faulty.includes(kind) ? 1 : 0);

/** A turn of the script: it calls, and then answers by the line that it read. */
function speak({ task, prompt }: AskedTurn, turn: number, first: number): Completion {
  const said = openings[kindOf(first + task)][turn] ?? answerFrom(heardIn(prompt), first + task);
  return {
    text: said,
    tokens: Int32Array.from(said, (letter) => letter.charCodeAt(0)),
    logProbs: new Float32Array([...said].length),
    finishReason: "stop",
  };
}

/** What the script was told, turn by turn. */
function heardIn({ turns }: Prompt): string[] {
  return textsIn(turns.filter((turn) => turn.role !== "assistant"));
}

interface ReadLine {
  readonly text: string;
  readonly box: readonly [number, number, number, number];
}

/** What stands beside the thing that is asked for, in what was read; a page may be read column by column. */
function answerFrom(texts: readonly string[], task: number): string {
  const all = texts.join("\n");
  const thing = /stands beside (\w+) \?/.exec(all)?.[1] ?? "";
  const found = /\{"lines":\[.*\]\}/.exec(all)?.[0];
  const lines: readonly ReadLine[] = found ? JSON.parse(found).lines : [];
  const line = lines.find(({ text }) => text.includes(thing));
  const middle = ({ box }: ReadLine) => (box[1] + box[3]) / 2;
  const beside = lines.filter((each) => line && Math.abs(middle(each) - middle(line)) < 30);
  const number = beside.flatMap(({ text }) => /\d+/.exec(text)?.[0] ?? [])[0];
  return `<think> task ${task} </think> <answer> ${number ?? "unanswerable"} </answer>`;
}

/** A step's time counts where a tool was called in it. */
const acted: Pick<Environment, "step"> = {
  async step(state, action, signal) {
    const startedMs = performance.now();
    const outcome = await environment.step(state, action, signal);
    if (outcome.turns !== null) stepMs += performance.now() - startedMs;
    return outcome;
  },
};

const startedMs = performance.now();
const all: Trajectory[] = [];
for (let first = 0; first < count; first += atOnce) {
  const tasks = Array.from({ length: Math.min(atOnce, count - first) }, (_, i) => first + i);
  const begun = await Promise.all(
    tasks.map(async (task): Promise<Start> => environment.reset(task, { seed: task, fit: () => null })),
  );
  const beginnings = begun.map((start) => ({ state: start.state, prompt: promptOf(start) }));
  const groups = await rollOut(
    beginnings,
    acted,
    async (asked, _size, turn) => asked.map((each) => [speak(each, turn, first)]),
    { groupSize: 1, maxTurns: maxCalls + 3 },
  );
  all.push(...groups.flatMap((group) => group ?? []));
  process.stderr.write(`${all.length} of ${count}\r`);
}
const seconds = (performance.now() - startedMs) / 1000;

const calls = all.flatMap(({ turns }) => turns.flatMap((turn) => turn.call ?? []));
const expected = Array.from({ length: count }, (_, task) => kindOf(task));
requireEqual("trajectories", all.length, count);
requireEqual("calls", calls.length, sumOf(expected.map((kind) => openings[kind].length)));
for (const kind of faulty) {
  const wanted = expected.filter((each) => each === kind).length;
  // One that may not call any more reads so as often as it tries.
  requireEqual(kind, calls.filter(({ fault }) => fault === kind).length, wanted);
}
requireEqual("spoilt", all.filter(({ fault }) => fault !== null).length, 0);
const figures = trajectoryFigures(all);
requireEqual(
  "failed calls",
  Math.round((figures.failedCalls ?? 0) * calls.length),
  sumOf(expected.map(faultsOf)),
);

const result = {
  trajectories_per_second: { value: count / seconds, unit: "1/s" },
  overhead_per_call: { value: (stepMs - toolMs) / calls.length, unit: "ms" },
  tool_per_run: { value: toolMs / Math.max(1, runs), unit: "ms" },
  runs_per_call: { value: runs / calls.length, unit: "share" },
  right: { value: all.filter(({ success }) => success).length / count, unit: "share" },
  cores: { value: availableParallelism(), unit: "cores" },
};
console.log(figuresTable(result));
if (json) await writeFigures(json, result);

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function requireEqual(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: found ${found}, expected ${wanted}`);
}
