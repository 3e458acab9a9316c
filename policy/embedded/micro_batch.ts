import type { Feeds } from "../../autodiff/onnx/session.ts";
import { tokensIn } from "../models/attention.ts";
import {
  compareBuckets,
  type ImageBucket,
  type ImageShape,
  sameBucket,
  type VisionLanguageModel,
} from "../models/vision_language_model.ts";
import { type Branching, bucket, nextPowerOfTwo, prefixEnds, treeFeeds } from "./batch.ts";
import type { BatchShape } from "./graphs.ts";

/** A prefix with one image and the token sequences that continue it, whose log-probabilities are wanted. */
export interface TreeJob {
  readonly prefix: Int32Array;
  readonly image: ImageShape;
  /** At least one token each. */
  readonly targets: readonly Int32Array[];
}

export interface MicroBatch {
  readonly shape: BatchShape;
  /** Numbers of the jobs that it holds, one prefix each. */
  readonly jobs: readonly number[];
  /** The number of its first branch among those of a job, of which a job too large for one batch has more. */
  readonly firstBranch: number;
}

/**
 * Splits jobs into batches of at most `maxTokens` padded tokens: jobs of similar length together, in few different
 * shapes. A job that is too large alone is split by its branches, and its prefix computed once for each part; a batch
 * has at least one branch.
 */
export function planMicroBatches(
  model: Pick<VisionLanguageModel, "bucket">,
  jobs: readonly TreeJob[],
  maxTokens: number,
): MicroBatch[] {
  if (jobs.length === 0) return [];
  const longest = jobs.map(({ targets }) => Math.max(...targets.map((t) => t.length)));
  const buckets = jobs.map(({ image }) => model.bucket(image));
  const job = (i: number): TreeJob => jobs[i] as TreeJob;
  const bucketOf = (i: number): ImageBucket => buckets[i] as ImageBucket;
  const areAlike = (a: number, b: number): boolean =>
    sameBucket(bucketOf(a), bucketOf(b)) && job(a).targets.length === job(b).targets.length;
  const order = [...jobs.keys()].sort(
    (a, b) =>
      compareBuckets(bucketOf(a), bucketOf(b)) ||
      job(b).targets.length - job(a).targets.length ||
      (longest[b] as number) - (longest[a] as number) ||
      job(b).prefix.length - job(a).prefix.length ||
      a - b,
  );
  const batches: MicroBatch[] = [];
  while (order.length > 0) {
    const first = order[0] as number;
    const same = order.filter((i) => areAlike(first, i));
    const one: BatchShape = {
      prefixes: 1,
      prefixLength: bucket(Math.max(...same.map((i) => job(i).prefix.length))),
      branches: job(first).targets.length,
      branchLength: bucket(longest[first] as number) - 1,
      image: bucketOf(first),
    };
    const prefixes = batchSize(same.length, Math.max(1, Math.floor(maxTokens / tokensIn(one))));
    const numbers = order.splice(0, Math.min(prefixes, same.length));
    const branches = branchesPerPart(one, maxTokens);
    for (let firstBranch = 0; firstBranch < one.branches; firstBranch += branches)
      batches.push({ shape: { ...one, prefixes, branches }, jobs: numbers, firstBranch });
  }
  return batches;
}

/** Padded tokens of one micro-batch of an update: where layers are kept, and where they are computed again. */
export interface UpdateTokens {
  readonly kept: number;
  readonly recomputed: number;
}

/** Layers that are computed again take about this share of an update's time. */
const recomputingShare = 0.3;

/**
 * The batches of an update, and whether their layers are computed again in the backward pass: as asked for, else where
 * a job is so large that its prefix would be computed for part after part of its branches, at a greater cost.
 */
export function planUpdate(
  model: Pick<VisionLanguageModel, "bucket">,
  jobs: readonly TreeJob[],
  tokens: UpdateTokens,
  recomputes: boolean | null,
): { readonly batches: MicroBatch[]; readonly recomputes: boolean } {
  const again = recomputes ?? jobs.some((job) => repeatedShare(job, tokens.kept) > recomputingShare);
  return {
    batches: planMicroBatches(model, jobs, again ? tokens.recomputed : tokens.kept),
    recomputes: again,
  };
}

/** The tokens of repeated prefixes, as a share of a job's own, if it is split to fit. */
function repeatedShare({ prefix, targets }: TreeJob, maxTokens: number): number {
  const branchLength = Math.max(1, ...targets.map(({ length }) => length));
  const shape = { prefixLength: prefix.length, branches: targets.length, branchLength };
  const parts = Math.ceil(targets.length / branchesPerPart(shape, maxTokens));
  return ((parts - 1) * prefix.length) / (prefix.length + targets.length * branchLength);
}

/** How many branches of a prefix go together, in parts that are nearly equal: all where they fit. */
function branchesPerPart(
  { prefixLength, branches, branchLength }: Pick<BatchShape, "prefixLength" | "branches" | "branchLength">,
  maxTokens: number,
): number {
  const fitting = Math.max(1, Math.floor((maxTokens - prefixLength) / branchLength));
  return Math.ceil(branches / Math.ceil(branches / fitting));
}

/** A power of two within `limit`: padded up where that wastes at most a quarter, else the largest that is full. */
function batchSize(count: number, limit: number): number {
  const cap = 2 ** Math.floor(Math.log2(limit));
  const up = nextPowerOfTwo(count);
  if (up <= cap && count >= 0.75 * up) return up;
  return Math.min(cap, 2 ** Math.floor(Math.log2(count)));
}

/** The feeds that every graph over a micro-batch needs: the tree of tokens and the targets. */
export function microBatchFeeds(
  model: VisionLanguageModel,
  { shape, jobs: numbers, firstBranch }: MicroBatch,
  all: readonly TreeJob[],
): Feeds {
  const jobs = numbers.map((i) => {
    const job = all[i] as TreeJob;
    return { ...job, targets: job.targets.slice(firstBranch, firstBranch + shape.branches) };
  });
  const groups = jobs.map(({ prefix, image, targets }): Branching => {
    return { prefix, image, branches: targets.map((target) => target.subarray(0, -1)) };
  });
  const targets = new BigInt64Array(shape.prefixes * shape.branches * (shape.branchLength + 1));
  jobs.forEach((job, p) => {
    job.targets.forEach((target, b) => {
      const at = (p * shape.branches + b) * (shape.branchLength + 1);
      target.forEach((token, t) => {
        targets[at + t] = BigInt(token);
      });
    });
  });
  return { ...treeFeeds(model, shape, groups), prefix_ends: prefixEnds(shape, groups), targets };
}

/** Per-token values of the jobs' targets, [prefixes, branches, branchLength + 1], zeros where nothing is given. */
export function tokenValues(
  { shape, jobs, firstBranch }: MicroBatch,
  values: (job: number, branch: number) => Float32Array | undefined,
): Float32Array {
  const length = shape.branchLength + 1;
  const all = new Float32Array(shape.prefixes * shape.branches * length);
  jobs.forEach((job, p) => {
    for (let b = 0; b < shape.branches; b++) {
      const given = values(job, firstBranch + b);
      if (given) all.set(given, (p * shape.branches + b) * length);
    }
  });
  return all;
}
