import { inParallel } from "../common/in_parallel.ts";
import { deriveSeed } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import type { RgbImage } from "../images/image.ts";
import type { Fit } from "../images/shrink.ts";
import type { Policy, Prompt } from "../policy/port.ts";
import { imagesIn, isImagePart } from "../policy/prompts.ts";
import { writtenIn } from "../reasoner/written.ts";
import type { Environment } from "../training/environment.ts";
import type { SampleTurn, WatchedCompletion } from "../training/rollout.ts";
import type { SafetyConfig } from "./config/safety.ts";
import { lastRoundOf } from "./config/stages.ts";
import { meanFeatures } from "./looking/neighbours.ts";
import type { Clock } from "./ports.ts";
import type { Run } from "./run.ts";

/** How decisions are watched. */
export interface Watching {
  readonly safety: SafetyConfig;
  readonly clock: Clock;
  /** Samples that are compared where a turn has but one. */
  readonly look: SampleTurn;
  readonly fit: Fit;
  /** Of the pictures that others are compared with. */
  readonly seed: number;
  readonly signal: AbortSignal;
}

/**
 * A sampler whose completions say how they came about; as it is where the environment has no constraints. What becomes of that is
 * a shield's affair. Only with a deadline has the time that it took any part in results.
 */
export async function watchTurns(
  sample: SampleTurn,
  policy: Policy,
  environment: Environment,
  watching: Watching,
): Promise<SampleTurn> {
  if (!environment.constraints) return sample;
  const { safety, clock, look } = watching;
  const isUnlike = safety.novelty === "off" ? null : await noveltyOf(policy, environment, watching);
  return async (asked, groupSize, turn) => {
    const startedMs = clock.now();
    const sampled = await sample(asked, groupSize, turn);
    const tookMs = clock.now() - startedMs;
    const tokens = sampled.flatMap((group) => (group ?? []).map((each) => each.tokens.length));
    const longest = Math.max(1, ...tokens);
    const compared =
      safety.agreement === 0 ? null : groupSize > 1 ? sampled : await look(asked, safety.looks, turn);
    const unlike = await isUnlike?.(asked.map(({ prompt }) => lastPicture(prompt)));
    return sampled.map((group, i) => {
      const texts = compared?.[i]?.map(({ text }) => text);
      const seen = { agreement: texts ? agreementOf(texts) : null, unlike: unlike?.[i] ?? null };
      return (
        group &&
        group.map((completion): WatchedCompletion => {
          // All of a call are drawn side by side, a token of each at a time.
          const latencyMs = (tookMs * completion.tokens.length) / longest;
          return { ...completion, watched: { latencyMs, ...seen } };
        })
      );
    });
  };
}

/** Tells pictures that are unlike those of training, [images]. */
type Novelty = (images: readonly RgbImage[]) => Promise<readonly boolean[]>;

/** What is usual for a policy's base, once and for all. */
const known = new WeakMap<Policy, Promise<Novelty>>();

function noveltyOf(policy: Policy, environment: Environment, watching: Watching): Promise<Novelty> {
  const opened = known.get(policy) ?? openNovelty(policy, environment, watching);
  known.set(policy, opened);
  return opened;
}

/** How far texts agree in what they say before they answer: the mean over pairs of the words that both have, of all that either has. */
export function agreementOf(texts: readonly string[]): number {
  const said = texts.map(
    (text) =>
      new Set(
        writtenIn(text)
          .chain.split(/\s+/)
          .filter((word) => word !== ""),
      ),
  );
  let [sum, pairs] = [0, 0];
  for (const [i, a] of said.entries())
    for (const b of said.slice(i + 1)) {
      const both = [...a].filter((word) => b.has(word)).length;
      const either = a.size + b.size - both;
      sum += either === 0 ? 1 : both / either;
      pairs++;
    }
  return pairs === 0 ? 1 : sum / pairs;
}

/** The picture that a decision is about: the last one that was shown. */
function lastPicture({ turns }: Prompt): RgbImage {
  const shown = turns.flatMap((turn) => (turn.role === "assistant" ? [] : turn.parts.filter(isImagePart)));
  const picture = shown.at(-1);
  if (picture) return picture;
  throw new RangeError("a decision without a picture");
}

/** Pictures that are encoded at once. */
const AT_ONCE = 16;

/**
 * Tells pictures that are unlike those of training, by what the base's vision tower makes of them: one is unlike where the nearest of
 * some pictures of the environment's tasks is further away than it is for the `usual` share of as many others, which say what is
 * usual (a nearest-neighbour test with a held-out threshold, Sun et al. 2022, arXiv 2204.06507).
 */
export async function openNovelty(
  policy: Policy,
  environment: Environment,
  { safety: { calibration, usual }, fit, seed, signal }: Omit<Watching, "clock" | "look">,
): Promise<Novelty> {
  const encode = async (images: readonly RgbImage[]): Promise<Float64Array[]> => {
    const rows: Float64Array[] = [];
    for (let from = 0; from < images.length; from += AT_ONCE) {
      const some = images.slice(from, from + AT_ONCE);
      rows.push(...(await policy.features(some, { weights: "reference" }, signal)).map(meanFeatures));
    }
    return rows;
  };
  const count = Math.min(2 * calibration, environment.tasks);
  const tasks = Array.from({ length: count }, (_, i) => Math.floor((i * environment.tasks) / count));
  const starts = await inParallel(tasks, 4, (task) =>
    environment.reset(task, { seed: deriveSeed(seed, "novelty", task), fit, signal }),
  );
  const features = await encode(starts.map(({ turns }) => imagesIn(turns)[0] as RgbImage));
  const known = features.filter((_, i) => i % 2 === 0);
  const heldOut = features.filter((_, i) => i % 2 === 1).map((each) => nearest(each, known));
  const limit =
    heldOut.sort((a, b) => a - b)[Math.ceil(usual * heldOut.length) - 1] ?? Number.POSITIVE_INFINITY;
  return async (images) => (await encode(images)).map((each) => nearest(each, known) > limit);
}

function nearest(features: Float64Array, known: readonly Float64Array[]): number {
  return Math.min(...known.map((each) => distance(features, each)));
}

function distance(a: Float64Array, b: Float64Array): number {
  return Math.sqrt(zip([...a], [...b]).reduce((sum, [x, y]) => sum + (x - y) ** 2, 0));
}

/** Of the pictures of training that others are compared with: the same whoever looks first. */
export function noveltySeed(run: Pick<Run, "seed" | "stage">): number {
  return run.seed("novelty", lastRoundOf(run.stage));
}
