import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Summary } from "../arena/summary.ts";
import type { Outcomes } from "../replay/events.ts";
import { ReplayReader } from "../replay/reader.ts";
import { REPLAY_NAME } from "../replay/schema.ts";

const program = fileURLToPath(new URL("../cli/main.js", import.meta.url));

/**
 * What one run of `visplay train` in a folder came to, played in a process of its own whose output appears as progress on
 * stderr. One that was interrupted there goes on; one that has ended is not played again. Throws where the run fails.
 */
export async function playArena(seed: number, folder: string, settings: readonly string[]): Promise<Summary> {
  const before = await readSummary(folder);
  if (before?.status === "finished") return before;
  const set = settings.flatMap((setting) => ["--set", setting]);
  const isBegun = existsSync(join(folder, REPLAY_NAME));
  await visplay(
    isBegun ? ["resume", folder] : ["train", "--seed", `${seed}`, "--out", folder, ...set],
    folder,
  );
  const summary = await readSummary(folder);
  if (summary === null) throw new Error(`${folder} holds no summary of its run`);
  return summary;
}

/** What a model's `visplay eval` says as JSON, in a process of its own. */
export async function evaluateModel(folder: string, settings: readonly string[]): Promise<ModelReport> {
  const set = settings.flatMap((setting) => ["--set", setting]);
  return JSON.parse(await visplay(["eval", "--model", folder, "--json", ...set], folder));
}

/** The part of `visplay eval --json` that benchmarks read. */
export interface ModelReport {
  readonly overall: Readonly<Record<string, { readonly percent: number } | number>>;
  readonly outcomes: Outcomes | null;
}

/** How the base and each round of a run answered its evaluation's questions, one by one, in the order of rounds. */
export function outcomesIn(folder: string): (Outcomes | null)[] {
  using reader = ReplayReader.open(folder);
  return [...reader.milestones()].flatMap(({ event }) =>
    event.type === "evaluated" ? [event.report.outcomes] : [],
  );
}

async function readSummary(folder: string): Promise<Summary | null> {
  const text = await readFile(join(folder, "summary.json"), "utf8").catch(() => null);
  return text === null ? null : JSON.parse(text);
}

/** What a command prints; its progress appears on stderr. */
async function visplay(args: readonly string[], folder: string): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", args[0] === "eval" ? "pipe" : process.stderr, process.stderr],
  });
  let printed = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const [code, signal] = await once(child, "close");
  if (code !== 0)
    throw new Error(`visplay ${args[0]} ended with ${signal ?? `exit code ${code}`}, see ${folder}`);
  return printed;
}
