import type { Feeds } from "../../autodiff/onnx/session.ts";
import { VisplayError } from "../../common/errors.ts";
import { zip } from "../../common/zip.ts";
import type { PromptTokens } from "../chat/prompt_tokens.ts";
import type { PreparedImage, VisionLanguageModel } from "../models/vision_language_model.ts";
import type { Example, TrainingGroup, TrainingRollout, UpdateOptions } from "../port.ts";
import { nextPowerOfTwo } from "./batch.ts";
import { type Objective, paddedRows } from "./graphs.ts";
import { imageFeeds } from "./image_feeds.ts";
import { shareWeight, tokenWeights } from "./loss.ts";
import { type MicroBatch, type TreeJob, tokenValues } from "./micro_batch.ts";

/** One optimiser step's forward and backward, before it is split into micro-batches. */
export interface LearningWork {
  readonly jobs: readonly TreeJob[];
  /** The image of each job. */
  readonly images: readonly PreparedImage[];
  readonly objective: Objective;
  /** What the loss reads beside the tokens. */
  readonly feeds: (batch: MicroBatch) => Record<string, Float32Array>;
  /** Tokens in the loss. */
  readonly tokens: number;
  /** What the loss is the mean over. */
  readonly weight: number;
}

/** GRPO on groups of rollouts: a group's prompt and image are computed once. `prompts` are the groups' own. */
export function grpoWork(
  groups: readonly TrainingGroup[],
  prompts: readonly PromptTokens[],
  { loss, clipLow, clipHigh, beta, importanceCap, maxTokens, temperature }: UpdateOptions,
): LearningWork {
  const lengths = groups.map(({ rollouts }) => rollouts.map(activeTokens));
  const perToken = tokenWeights(loss, lengths.flat(), maxTokens);
  const starts = lengths.map((_, job) => lengths.slice(0, job).reduce((sum, { length }) => sum + length, 0));
  const rollout = (job: number, b: number): TrainingRollout | undefined => groups[job]?.rollouts[b];
  const tokens = lengths.flat().reduce((sum, n) => sum + n, 0);
  const weights = (job: number, b: number): Float32Array | undefined => {
    const given = rollout(job, b);
    const weight = perToken[(starts[job] as number) + b] as number;
    return given && Float32Array.from(given.completion.tokens, (_, t) => (given.mask?.[t] ?? 1) * weight);
  };
  return {
    jobs: zip(groups, prompts).map(([{ rollouts }, { image, prefix, suffix }]) => ({
      prefix: concatTokens(prefix, suffix),
      image: image.shape,
      targets: rollouts.map(({ completion }) => completion.tokens),
    })),
    images: prompts.map(({ image }) => image),
    objective: { kind: "grpo", loss, clipLow, clipHigh, beta, importanceCap, temperature },
    feeds: (batch) => ({
      weights: tokenValues(batch, weights),
      old_log_probs: tokenValues(batch, (job, b) => rollout(job, b)?.completion.logProbs),
      ...(beta === 0
        ? {}
        : { reference_log_probs: tokenValues(batch, (job, b) => reference(rollout(job, b))) }),
      advantages: advantages(batch, rollout),
    }),
    tokens,
    weight: shareWeight(loss, lengths.flat()),
  };
}

/** Examples that share a prefix. */
interface ImitationJob {
  readonly prompt: PromptTokens;
  readonly targets: Int32Array[];
  readonly weights: Float32Array[];
}

const maxBranches = 8;

/**
 * Cross-entropy of wanted completions. Examples about one image share it: the image is their prefix, and each
 * question with its answer is a branch, of which the answer counts.
 */
export function imitationWork(
  examples: readonly Example[],
  prompts: readonly PromptTokens[],
  encode: (text: string) => Int32Array,
): LearningWork {
  const open = new Map<string, ImitationJob>();
  const all: ImitationJob[] = [];
  let total = 0;
  for (const [{ completion, weight = 1 }, prompt] of zip(examples, prompts)) {
    const { suffix } = prompt;
    const answer = typeof completion === "string" ? encode(completion) : completion;
    let job = open.get(prompt.image.id);
    if (job === undefined || job.targets.length === maxBranches) {
      job = { prompt, targets: [], weights: [] };
      open.set(prompt.image.id, job);
      all.push(job);
    }
    job.targets.push(concatTokens(suffix, answer));
    job.weights.push(new Float32Array(suffix.length + answer.length).fill(weight, suffix.length));
    total += answer.length * weight;
  }
  return {
    jobs: all.map(({ prompt, targets }) => ({ prefix: prompt.prefix, image: prompt.image.shape, targets })),
    images: all.map(({ prompt }) => prompt.image),
    objective: { kind: "cross_entropy" },
    feeds: (batch) => ({
      weights: tokenValues(batch, (job, b) => all[job]?.weights[b]).map((w) => w / total),
    }),
    tokens: total,
    weight: total,
  };
}

/** A micro-batch's images, each once, and which prefix shows which. */
export function pictures(
  model: VisionLanguageModel,
  { images }: LearningWork,
  { shape, jobs }: MicroBatch,
): { images: number; feeds: Feeds } {
  const image = (job: number): PreparedImage => images[job] as PreparedImage;
  const different = new Map(jobs.map((job) => [image(job).id, image(job)]));
  const ids = [...different.keys()];
  const count = Math.min(shape.prefixes, nextPowerOfTwo(ids.length));
  const select = new Float32Array(shape.prefixes * count);
  jobs.forEach((job, p) => {
    select[p * count + ids.indexOf(image(job).id)] = 1;
  });
  const all = { ...shape.image, tiles: count * shape.image.tiles };
  return { images: count, feeds: { ...imageFeeds(model, [...different.values()], all), select } };
}

/** The rows of each prefix's image, [prefixes · R, imageWidth], from those of each job. */
export function prefixRows(
  model: VisionLanguageModel,
  { shape, jobs }: MicroBatch,
  rows: readonly Float32Array[],
): Float32Array {
  const size = paddedRows(shape.image) * model.imageWidth;
  const all = new Float32Array(shape.prefixes * size);
  jobs.forEach((job, p) => {
    all.set(rows[job] as Float32Array, p * size);
  });
  return all;
}

export function concatTokens(a: Int32Array, b: Int32Array): Int32Array {
  const all = new Int32Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

function activeTokens({ completion, mask }: TrainingRollout): number {
  return mask ? mask.reduce((sum, m) => sum + m, 0) : completion.tokens.length;
}

function advantages(
  { shape, jobs, firstBranch }: MicroBatch,
  rollout: (job: number, b: number) => TrainingRollout | undefined,
): Float32Array {
  const all = new Float32Array(shape.prefixes * shape.branches);
  jobs.forEach((job, p) => {
    for (let b = 0; b < shape.branches; b++)
      all[p * shape.branches + b] = rollout(job, firstBranch + b)?.advantage ?? 0;
  });
  return all;
}

function reference(rollout: TrainingRollout | undefined): Float32Array | undefined {
  if (rollout && !rollout.referenceLogProbs)
    throw new VisplayError(
      "config",
      "a KL term (beta > 0) needs the reference's log-probabilities of every rollout; found none, set beta to 0 or score them",
    );
  return rollout?.referenceLogProbs;
}
