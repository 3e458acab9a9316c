import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { imageOf, type RgbImage } from "../../images/image.ts";
import { LocalPolicy, type LocalPolicyOptions } from "../../policy/embedded/local_policy.ts";
import type { Completion, Prompt, SamplingOptions, TrainingGroup, UpdateOptions } from "../../policy/port.ts";
import { promptAbout } from "../../policy/prompts.ts";
import { referencePath } from "../reference_dir.ts";

/** The tiny model of the reference: random weights, a vocabulary of 363. */
export const tinyFolder: string = referencePath("smolvlm-tiny");

/** Plain Adam without clipping, all parameters at one learning rate. */
export const tinyOptions: LocalPolicyOptions = {
  threads: 1,
  optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: null },
  learningRateFactors: { text: 1, connector: 1, vision: 1 },
  microBatchTokens: 4096,
};

export function openTiny(options: Partial<LocalPolicyOptions> = {}): Promise<LocalPolicy> {
  return LocalPolicy.open(tinyFolder, { ...tinyOptions, ...options });
}

/** A copy of a model's folder, with fields of its JSON files replaced: `{ "config.json": { field: value } }`. */
export async function copyTiny(
  changes: Readonly<Record<string, object>> = {},
  source: string = tinyFolder,
): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "visplay-"));
  const wanted = /^(?!case|grpo)/;
  await cp(source, folder, {
    recursive: true,
    filter: (path) => path === source || wanted.test(basename(path)),
  });
  for (const [file, fields] of Object.entries(changes)) {
    const path = join(folder, file);
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...fields }));
  }
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** The `k`-th of some different images, 48x36. */
export function picture(k: number): RgbImage {
  const data = Uint8Array.from({ length: 48 * 36 * 3 }, (_, i) => (i * (k + 3) + (i % 7) * 31 * k) % 256);
  return imageOf(48, 36, data);
}

/** Questions of different lengths about `images` pictures, in turn. */
export function questions(count: number, images = 3): Prompt[] {
  const pictures = Array.from({ length: images }, (_, k) => picture(k));
  return Array.from({ length: count }, (_, i) =>
    promptAbout(pictures[i % images] as RgbImage, `${"Look closely. ".repeat(i % 4)}How many dots, ${i}?`),
  );
}

export const sampling: SamplingOptions = {
  groupSize: 4,
  temperature: 1,
  topK: 0,
  topP: 1,
  maxTokens: 24,
  seed: 7,
};

export const grpo: UpdateOptions = {
  loss: "dapo",
  clipLow: 0.2,
  clipHigh: 0.28,
  beta: 0,
  importanceCap: null,
  temperature: 1,
  maxTokens: 24,
  learningRate: 1e-3,
};

/** Groups whose advantages fall from 1 to -1. */
export function rolloutGroups(prompts: readonly Prompt[], sampled: readonly Completion[][]): TrainingGroup[] {
  return prompts.map((prompt, i) => {
    const group = sampled[i] ?? [];
    const advantage = (b: number): number => 1 - (2 * b) / (group.length - 1);
    return {
      prompt,
      rollouts: group.map((completion, b) => ({ completion, advantage: advantage(b) })),
    };
  });
}

/** The Euclidean norm of a - b over that of b. */
export function relativeError(a: Float32Array, b: Float32Array): number {
  const norm = (x: Float32Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
  return norm(a.map((x, i) => x - (b[i] as number))) / norm(b);
}
