import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ActingReport } from "../../arena/acting.ts";
import type { RunEvent } from "../../replay/events.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { packageRoot } from "../models.ts";
import { outputOf } from "../program.ts";

const program = join(packageRoot, "dist/cli/main.js");

/** Plays one stage from a model, unless it was played to its end; gives the model that it made. */
export async function learn(run: string, model: string, seed: number, stage: object): Promise<string> {
  const made = join(run, "round-1/reasoner");
  const summary = join(run, "summary.json");
  const status = existsSync(summary) ? JSON.parse(await readFile(summary, "utf8")).status : null;
  if (status === "finished") return made;
  await rm(run, { recursive: true, force: true });
  await mkdir(dirname(run), { recursive: true });
  const config = `${run}.json`;
  await writeFile(config, JSON.stringify({ seed, stages: [stage], evaluation: { questions: 0 } }));
  await outputOf(process.execPath, [program, "train", "--config", config, "--model", model, "--out", run]);
  return made;
}

interface ActOptions {
  readonly tasks: number;
  readonly from?: number;
  readonly seed?: number;
  /** 0 is greedy. */
  readonly temperature?: number;
}

/** Acts, greedily unless a temperature says else, in tasks of a stage's environment with a model. */
export async function act(
  run: string,
  model: string,
  stage: object,
  { tasks, from = 0, seed = 0, temperature = 0 }: ActOptions,
): Promise<ActingReport> {
  const config = `${run}.json`;
  await mkdir(dirname(run), { recursive: true });
  await writeFile(config, JSON.stringify({ seed, stages: [stage] }));
  const size = ["--tasks", `${tasks}`, "--from", `${from}`, "--temperature", `${temperature}`, "--json"];
  return JSON.parse(
    await outputOf(process.execPath, [program, "act", "--config", config, "--model", model, ...size]),
  );
}

/** What a run recorded of one type. */
export function eventsOf<T extends RunEvent["type"]>(run: string, type: T): Extract<RunEvent, { type: T }>[] {
  using reader = ReplayReader.open(run);
  const found: Extract<RunEvent, { type: T }>[] = [];
  for (const { event } of reader.events())
    if (event.type === type) found.push(event as Extract<RunEvent, { type: T }>);
  return found;
}
