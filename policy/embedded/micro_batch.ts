import type { Feeds } from "../../autodiff/onnx/session.ts";
import { tokensIn } from "../models/attention.ts";
import {
  compareBuckets,
  type ImageBucket,
  sameBucket,
  type VisionLanguageModel,
} from "../models/vision_language_model.ts";
import {
  type Branching,
  bucket,
  coveringBucket,
  imagePlaces,
  nextPowerOfTwo,
  prefixEnds,
  treeFeeds,
} from "./batch.ts";
import { type BatchShape, predictedLength, type ScoreShape } from "./graphs.ts";
import type { Shaped, Stretch, Target } from "./stretch.ts";

/** A prefix and what continues it, the log-probabilities of whose sampled tokens are wanted. */
export interface TreeJob<I extends Shaped = Shaped> {
  readonly prefix: Stretch<I>;
  /** At least one token each. */
  readonly targets: readonly Target<I>[];
}

/** The images of a job's prefix, and then of its targets from one on, of a number of them (default all). */
export function imagesOfJob<I extends Shaped>(
  { prefix, targets }: TreeJob<I>,
  { first = 0, count = targets.length }: { readonly first?: number; readonly count?: number } = {},
): I[] {
  return [prefix, ...targets.slice(first, first + count)].flatMap(({ images }) => images);
}

export interface MicroBatch {
  readonly shape: ScoreShape;
  /** Numbers of the jobs that it holds, one prefix each. */
  readonly jobs: readonly number[];
  /** The number of its first branch among those of a job, of which a job too large for one batch has more. */
  readonly firstBranch: number;
}

/** The images of each job of a batch, as far as the batch shows them. */
export function imagesOfBatch<I extends Shaped>(
  { shape, jobs: numbers, firstBranch }: MicroBatch,
  jobs: readonly TreeJob<I>[],
): I[][] {
  const part = { first: firstBranch, count: shape.branches };
  return numbers.map((i) => imagesOfJob(jobs[i] as TreeJob<I>, part));
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
  const longest = jobs.map(({ targets }) => Math.max(...targets.map(({ tokens }) => tokens.length)));
  const buckets = jobs.map((job) => coveringBucket(model, imagesOfJob(job)));
  const predicted = jobs.map(longestPredicted);
  const job = (i: number): TreeJob => jobs[i] as TreeJob;
  const bucketOf = (i: number): ImageBucket => buckets[i] as ImageBucket;
  const places = (i: number): number => imagePlaces(imagesOfJob(job(i)).length);
  const areAlike = (a: number, b: number): boolean =>
    sameBucket(bucketOf(a), bucketOf(b)) &&
    places(a) === places(b) &&
    job(a).targets.length === job(b).targets.length &&
    (predicted[a] === null) === (predicted[b] === null);
  let order = [...jobs.keys()].sort(
    (a, b) =>
      compareBuckets(bucketOf(a), bucketOf(b)) ||
      job(b).targets.length - job(a).targets.length ||
      (longest[b] as number) - (longest[a] as number) ||
      job(b).prefix.tokens.length - job(a).prefix.tokens.length ||
      a - b,
  );
  const batches: MicroBatch[] = [];
  while (order.length > 0) {
    const first = order[0] as number;
    const same = order.filter((i) => areAlike(first, i));
    const most = Math.max(...same.map((i) => predicted[i] ?? 0));
    const branchLength = bucket(longest[first] as number) - 1;
    const one: Omit<ScoreShape, "imagesPerPrefix"> = {
      prefixes: 1,
      prefixLength: bucket(Math.max(...same.map((i) => job(i).prefix.tokens.length))),
      branches: job(first).targets.length,
      branchLength,
      image: bucketOf(first),
      predicted: predicted[first] === null ? null : Math.min(bucket(most), branchLength + 1),
    };
    const prefixes = batchSize(same.length, Math.max(1, Math.floor(maxTokens / tokensIn(one))));
    const numbers = same.slice(0, prefixes);
    order = order.filter((i) => !numbers.includes(i));
    const branches = branchesPerPart(one, maxTokens);
    for (let firstBranch = 0; firstBranch < one.branches; firstBranch += branches) {
      const images = numbers.map((i) => imagesOfJob(job(i), { first: firstBranch, count: branches }).length);
      const imagesPerPrefix = imagePlaces(Math.max(...images));
      batches.push({
        shape: { ...one, prefixes, branches, imagesPerPrefix },
        jobs: numbers,
        firstBranch,
      });
    }
  }
  return batches;
}

/** The most tokens of a target that are predicted; null where all of every target are. */
function longestPredicted({ targets }: TreeJob): number | null {
  if (targets.every(({ sampled }) => sampled === null)) return null;
  return Math.max(...targets.map(({ tokens, sampled }) => (sampled ?? tokens).length));
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
  const prefixLength = prefix.tokens.length;
  const branchLength = Math.max(1, ...targets.map(({ tokens }) => tokens.length));
  const shape = { prefixLength, branches: targets.length, branchLength };
  const parts = Math.ceil(targets.length / branchesPerPart(shape, maxTokens));
  return ((parts - 1) * prefixLength) / (prefixLength + targets.length * branchLength);
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
  const groups = jobs.map(({ prefix, targets }): Branching => {
    const branches = targets.map(({ tokens, images }) => ({ tokens: tokens.subarray(0, -1), images }));
    return { prefix, branches };
  });
  const length = predictedLength(shape);
  const targets = new BigInt64Array(shape.prefixes * shape.branches * length);
  jobs.forEach((job, p) => {
    job.targets.forEach(({ tokens, sampled }, b) => {
      const at = (p * shape.branches + b) * length;
      const wanted = sampled === null ? tokens : sampled.map((t) => tokens[t] as number);
      wanted.forEach((token, t) => {
        targets[at + t] = BigInt(token);
      });
    });
  });
  const feeds = { ...treeFeeds(model, shape, groups), prefix_ends: prefixEnds(shape, groups), targets };
  if (shape.predicted === null) return feeds;
  return { ...feeds, predictors: predictors(shape, jobs) };
}

/** For each target's sampled tokens the place of the token before, and others' places for padding, [P · G · T]. */
function predictors(shape: ScoreShape, jobs: readonly TreeJob[]): BigInt64Array {
  const places = shape.branchLength + 1;
  const length = predictedLength(shape);
  const all = new BigInt64Array(shape.prefixes * shape.branches * length);
  for (let branch = 0; branch < shape.prefixes * shape.branches; branch++) {
    const target = jobs[Math.floor(branch / shape.branches)]?.targets[branch % shape.branches];
    const wanted = target ? (target.sampled ?? target.tokens.keys()) : [];
    const own = new Set(wanted);
    const rest = Array.from({ length: places }, (_, t) => t).filter((t) => !own.has(t));
    for (const [t, place] of [...own, ...rest].slice(0, length).entries())
      all[branch * length + t] = BigInt(branch * places + place);
  }
  return all;
}

/** Values of the jobs' predicted tokens, [prefixes, branches, T], zeros where nothing is given. */
export function tokenValues(
  { shape, jobs, firstBranch }: MicroBatch,
  values: (job: number, branch: number) => Float32Array | undefined,
): Float32Array {
  const length = predictedLength(shape);
  const all = new Float32Array(shape.prefixes * shape.branches * length);
  jobs.forEach((job, p) => {
    for (let b = 0; b < shape.branches; b++) {
      const given = values(job, firstBranch + b);
      if (given) all.set(given, (p * shape.branches + b) * length);
    }
  });
  return all;
}
