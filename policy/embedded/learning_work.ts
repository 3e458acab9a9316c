import type { Feeds } from "../../autodiff/onnx/session.ts";
import { VisplayError } from "../../common/errors.ts";
import { zip } from "../../common/zip.ts";
import { concatTokens } from "../chat/conversation.ts";
import type { PreparedImage, VisionLanguageModel } from "../models/vision_language_model.ts";
import type { Example, TrainingGroup, TrainingRollout, UpdateOptions } from "../port.ts";
import { shareWeight, tokenWeights } from "../token_weights.ts";
import { nextPowerOfTwo } from "./batch.ts";
import { type BatchShape, paddedRows } from "./graphs.ts";
import { imageFeeds } from "./image_feeds.ts";
import { type MicroBatch, type TreeJob, tokenValues } from "./micro_batch.ts";
import { type PromptTokens, type Stretch, sharedKey, type Target, wholePrompt } from "./stretch.ts";
import type { Objective } from "./update_graph.ts";

/** One optimiser step's forward and backward, before it is split into micro-batches. */
export interface LearningWork {
  readonly jobs: readonly TreeJob<PreparedImage>[];
  readonly objective: Objective;
  /** What the loss reads beside the tokens. */
  readonly feeds: (batch: MicroBatch) => Record<string, Float32Array>;
  /** Tokens in the loss. */
  readonly tokens: number;
  /** What the loss is the mean over. */
  readonly weight: number;
}

/** GRPO on groups of rollouts: a group's prompt and images are computed once. `jobs` are the groups in token ids. */
export function grpoWork(
  groups: readonly TrainingGroup[],
  jobs: readonly TreeJob<PreparedImage>[],
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
  const tokenAdvantages = groups.some(({ rollouts }) =>
    rollouts.some(({ advantage }) => typeof advantage !== "number"),
  );
  return {
    jobs,
    objective: { kind: "grpo", loss, clipLow, clipHigh, beta, importanceCap, temperature, tokenAdvantages },
    feeds: (batch) => ({
      weights: tokenValues(batch, weights),
      old_log_probs: tokenValues(batch, (job, b) => rollout(job, b)?.completion.logProbs),
      ...(beta === 0
        ? {}
        : { reference_log_probs: tokenValues(batch, (job, b) => reference(rollout(job, b))) }),
      advantages: tokenAdvantages
        ? tokenValues(batch, (job, b) => advantagesOf(rollout(job, b)))
        : advantages(batch, rollout),
    }),
    tokens,
    weight: shareWeight(loss, lengths.flat()),
  };
}

/** Examples that share a prefix. */
interface ImitationJob {
  readonly prefix: Stretch;
  readonly targets: Target[];
  readonly weights: Float32Array[];
}

const maxBranches = 8;

/**
 * Cross-entropy of wanted completions. Examples about the same images share them: the images are their prefix, and each
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
    const { prefix } = prompt;
    const rest = wholePrompt({ ...prompt, prefix: nothing });
    const answer = typeof completion === "string" ? encode(completion) : completion;
    const key = sharedKey(prefix);
    let job = open.get(key);
    if (job === undefined || job.targets.length === maxBranches) {
      job = { prefix, targets: [], weights: [] };
      open.set(key, job);
      all.push(job);
    }
    const { length } = rest.tokens;
    job.targets.push({ ...rest, tokens: concatTokens(rest.tokens, answer), sampled: null });
    job.weights.push(new Float32Array(length + answer.length).fill(weight, length));
    total += answer.length * weight;
  }
  return {
    jobs: all,
    objective: { kind: "cross_entropy" },
    feeds: (batch) => ({
      weights: tokenValues(batch, (job, b) => all[job]?.weights[b]).map((w) => w / total),
    }),
    tokens: total,
    weight: total,
  };
}

const nothing: Stretch = { tokens: new Int32Array(), images: [] };

/** The images that a batch's prefixes show, each once, and which place shows which; null where it has no places. */
export function pictures(
  model: VisionLanguageModel,
  shown: readonly (readonly PreparedImage[])[],
  { prefixes, imagesPerPrefix, image }: BatchShape,
): { images: number; feeds: Feeds } | null {
  if (imagesPerPrefix === 0) return null;
  const different = new Map(shown.flat().map((each) => [each.id, each]));
  const ids = [...different.keys()];
  const places = prefixes * imagesPerPrefix;
  const count = Math.min(places, nextPowerOfTwo(ids.length));
  const select = new Float32Array(places * count);
  for (const [p, images] of shown.entries())
    for (const [i, { id }] of images.entries())
      select[(p * imagesPerPrefix + i) * count + ids.indexOf(id)] = 1;
  return { images: count, feeds: { ...imageFeeds(model, [...different.values()], image, count), select } };
}

/** The rows of all places for images, [prefixes · imagesPerPrefix · R, imageWidth], from those of each image. */
export function placedRows(
  model: VisionLanguageModel,
  { image, imagesPerPrefix, prefixes }: Pick<BatchShape, "image" | "imagesPerPrefix" | "prefixes">,
  rows: readonly (readonly Float32Array[])[],
): Feeds {
  const size = paddedRows(image) * model.imageWidth;
  if (size * imagesPerPrefix === 0) return {};
  const all = new Float32Array(prefixes * imagesPerPrefix * size);
  for (const [p, own] of rows.entries())
    for (const [i, each] of own.entries()) all.set(each, (p * imagesPerPrefix + i) * size);
  return { image_rows: all };
}

function activeTokens({ completion, mask }: TrainingRollout): number {
  return mask ? mask.reduce((sum, m) => sum + m, 0) : completion.tokens.length;
}

/** Rollouts' advantages, [P, G]. */
function advantages(
  { shape, jobs, firstBranch }: MicroBatch,
  rollout: (job: number, b: number) => TrainingRollout | undefined,
): Float32Array {
  const all = new Float32Array(shape.prefixes * shape.branches);
  jobs.forEach((job, p) => {
    for (let b = 0; b < shape.branches; b++) {
      const { advantage = 0 } = rollout(job, firstBranch + b) ?? {};
      all[p * shape.branches + b] = advantage as number;
    }
  });
  return all;
}

/** Its tokens' advantages, [T]. */
function advantagesOf(rollout: TrainingRollout | undefined): Float32Array | undefined {
  if (!rollout) return undefined;
  const { advantage, completion } = rollout;
  const { length } = completion.tokens;
  if (typeof advantage === "number") return new Float32Array(length).fill(advantage);
  if (advantage.length === length) return advantage;
  throw new RangeError(`found ${advantage.length} advantages of ${length} tokens`);
}

function reference(rollout: TrainingRollout | undefined): Float32Array | undefined {
  if (rollout && !rollout.referenceLogProbs)
    throw new VisplayError(
      "config",
      "a KL term (beta > 0) needs the reference's log-probabilities of every rollout; found none, set beta to 0 or score them",
    );
  return rollout?.referenceLogProbs;
}
