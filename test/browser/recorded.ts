import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { program } from "../built.ts";
import { smallEvaluation } from "../cli/small_run.ts";

const settings = [
  "rounds=2",
  "threads=1",
  "questioner.stepsPerRound=2",
  "questioner.imagesPerStep=3",
  "questioner.answersPerQuestion=3",
  "curriculum.images=8",
  "curriculum.answersPerQuestion=3",
  "curriculum.views=3",
  "reasoner.stepsPerRound=4",
  "reasoner.itemsPerStep=6",
  "attribution.share=0.5",
  ...smallEvaluation,
];

declare module "vitest" {
  interface ProvidedContext {
    /** The folder of the recorded run. */
    recorded: string;
    /** The folder of a run in the environment of `two_pictures.ts`. */
    acted: string;
  }
}

const acting = [
  "threads=1",
  "evaluation.questions=0",
  `stages=[{kind: environment, environment: ${join(import.meta.dirname, "two_pictures.ts")}, steps: 3, itemsPerStep: 4, groupSize: 3, maxTurns: 2}]`,
];

/** Plays a small run of two rounds, and one in an environment, once for all tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "visplay-browser-"));
  const recorded = join(folder, "recorded");
  const acted = join(folder, "acted");
  await play(recorded, settings);
  await play(acted, acting);
  project.provide("recorded", recorded);
  project.provide("acted", acted);
  return () => rm(folder, { recursive: true });
}

async function play(folder: string, set: readonly string[]): Promise<void> {
  const args = set.flatMap((setting) => ["--set", setting]);
  await promisify(execFile)(process.execPath, [program, "train", "--out", folder, ...args]);
}
