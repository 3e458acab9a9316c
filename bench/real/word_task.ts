import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** A task whose answers a pattern checks, and how a model learns it: by plain GRPO, without a KL, with LoRA. */
export interface WordTask {
  /** Asked in every step, all about one picture. */
  readonly prompts: readonly string[];
  /** A regular expression that right answers match, capitals or not; they earn 1, others 0. */
  readonly answer: string;
  /** Completions of a prompt. */
  readonly group: number;
  /** Tokens of a completion, at most. */
  readonly tokens: number;
  readonly steps: number;
  readonly rank: number;
  readonly alpha: number;
  readonly learningRate: number;
}

/** What grpo.ts and trl_grpo.py print. */
export interface Curve {
  /** Mean over each step's samples, drawn before its update. */
  readonly rewards: readonly number[];
  /** Of each step. */
  readonly seconds: readonly number[];
}

/** The repository's copy; the build has none. */
export const taskFile: string = fileURLToPath(new URL("../../../bench/real/task.json", import.meta.url));

export async function readTask(): Promise<WordTask> {
  return JSON.parse(await readFile(taskFile, "utf8"));
}
