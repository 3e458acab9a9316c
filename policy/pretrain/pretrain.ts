import { deriveSeed, RandomStream } from "../../common/random.ts";
import type { RgbImage } from "../../images/image.ts";
import {
  ask,
  demonstrate,
  describe,
  describedIn,
  evidenceIn,
  misperceive,
} from "../../images/scenes/demonstrate.ts";
import { drawQuestion } from "../../images/scenes/draw.ts";
import { type Family, families, formatQuestion } from "../../images/scenes/questions.ts";
import { renderScene } from "../../images/scenes/render.ts";
import { type DomainName, domainNames, drawScene, type Scene } from "../../images/scenes/scene.ts";
import { LocalPolicy } from "../embedded/local_policy.ts";
import type { Example } from "../port.ts";
import { promptAbout, promptOf } from "../prompts.ts";
import { accumulateDenseVision } from "./dense_vision.ts";
import { embeddedPrompts, writeUntrainedModel } from "./embedded_model.ts";

/** How the embedded model is made: four stages on labelled source scenes. */
export interface PretrainOptions {
  readonly seed: number;
  readonly threads: number;
  /** Whose scenes it learns from (default "source"). */
  readonly domain?: DomainName;
  /** The vision tower learns to name what is in each cell. */
  readonly vision: StageOptions;
  /** Describing, and answering about pictures and descriptions, are learnt from careful demonstrations. */
  readonly careful: StageOptions;
  /** Errors become random: a share of the demonstrations comes from a careless annotator. */
  readonly careless: StageOptions & { readonly share: number };
  /** What is asked becomes easy, see `easy`; no steps leave it balanced over all families. */
  readonly asking: StageOptions;
}

export interface StageOptions {
  readonly steps: number;
  readonly images: number;
  readonly learningRate: number;
}

/** What the demonstrations of a stage are like. */
interface Lesson {
  /** Demonstrations by a careless annotator. */
  readonly carelessShare: number;
  /** What it asks about: each family as often as it stands here; null asks nothing. */
  readonly asks: readonly Family[] | null;
}

/**
 * What large models ask of their own accord, in shares of 200: whether something is there, and its colour or shape, seldom
 * how many, and hardly ever what takes two steps. They can ask all of it, and are weaker at answering what they seldom ask.
 */
const easyMix: Readonly<Record<Family, number>> = {
  ...{ exist: 64, color: 60, shape: 56, count: 10 },
  ...{ more: 4, relation: 3, sum: 3 },
};
const easy: readonly Family[] = families.flatMap((family) => new Array<Family>(easyMix[family]).fill(family));

export interface PretrainProgress {
  readonly stage: Stage;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

type Stage = "vision" | "careful" | "careless" | "asking";

const answersPerImage = 6;
const questionsPerImage = 6;
const readingsPerImage = 3;
/** Relations need the most practice. */
const lessons: readonly Family[] = [...families, "relation", "relation", "relation"];
const denseWeight = 0.5;
/** The share of a stage at whose end the learning rate falls to zero, and over which it rises. */
const decayShare = 0.3;
const warmupShare = 0.05;

/** Makes the embedded model from nothing in `folder`; the same options give the same bits. */
export async function pretrain(
  folder: string,
  options: PretrainOptions,
  report: (progress: PretrainProgress) => void,
): Promise<void> {
  await writeUntrainedModel(folder, deriveSeed(options.seed, "initial weights"));
  await learnStages(folder, options, ["vision", "careful", "careless"], report);
  if (options.asking.steps > 0) await learnStages(folder, options, ["asking"], report);
}

/** Teaches a folder's model some stages in turn, by an optimiser that begins anew. */
export async function learnStages(
  folder: string,
  options: PretrainOptions,
  stages: readonly Stage[],
  report: (progress: PretrainProgress) => void,
): Promise<void> {
  await using policy = await LocalPolicy.open(folder, {
    threads: options.threads,
    optimizer: { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 },
    learningRateFactors: { text: 1, connector: 1, vision: 1 },
    microBatchTokens: 4096,
  });
  for (const stage of stages) {
    const { steps, images, learningRate } = options[stage];
    const lesson = lessonOf(stage, options);
    for (let step = 0; step < steps; step++) {
      const stream = new RandomStream(deriveSeed(options.seed, stage, step));
      const batch = await drawBatch(images, options.domain ?? "source", stream);
      await accumulateDenseVision(policy, batch, stage === "vision" ? 1 : denseWeight);
      if (stage !== "vision") {
        const examples = batch.flatMap(({ image, scene }) => demonstrations(image, scene, lesson, stream));
        await policy.accumulate(policy.imitation(examples), async () => {});
      }
      const { loss } = await policy.learner.step(learningRate * schedule(step, steps));
      report({ stage, step: step + 1, steps, loss });
    }
  }
  await policy.save(folder);
}

function lessonOf(stage: Stage, { careless: { share } }: PretrainOptions): Lesson {
  if (stage === "careless") return { carelessShare: share, asks: families };
  return stage === "asking" ? { carelessShare: share, asks: easy } : { carelessShare: 0, asks: null };
}

/** A linear rise, a plateau, and a linear fall. */
function schedule(step: number, steps: number): number {
  const rise = (step + 1) / Math.max(1, steps * warmupShare);
  const fall = (steps - step) / Math.max(1, steps * decayShare);
  return Math.min(1, rise, fall);
}

async function drawBatch(
  count: number,
  domain: DomainName,
  stream: RandomStream,
): Promise<{ image: RgbImage; scene: Scene }[]> {
  const scenes = Array.from({ length: count }, () => drawScene(domain, stream));
  return Promise.all(scenes.map(async (scene) => ({ image: await renderScene(scene), scene })));
}

/**
 * What one image teaches: to describe it, to answer questions about it, and about descriptions of others without a
 * picture; and in the last stage to ask one. What to ask is free, which before would be noise in the gradients of what is not.
 */
function demonstrations(image: RgbImage, scene: Scene, lesson: Lesson, stream: RandomStream): Example[] {
  const look = () => (stream.uniform() < lesson.carelessShare ? misperceive(scene, stream) : scene);
  const question = () => drawQuestion(stream.pick(lessons), scene, stream);
  const example = (text: string, completion: string): Example => ({
    prompt: promptAbout(image, text),
    completion,
  });
  const answers = Array.from({ length: answersPerImage }, () => {
    const asked = question();
    const text = embeddedPrompts.reasoner.replace("{question}", formatQuestion(asked));
    return example(text, demonstrate(look(), asked));
  });
  const description = example(embeddedPrompts.describer, describe(look()));
  const readings = Array.from({ length: readingsPerImage }, () => reading(stream));
  const { asks } = lesson;
  if (asks === null) return [...answers, description, ...readings];
  const write = () => ask(drawQuestion(stream.pick(asks), scene, stream));
  const questions = Array.from({ length: questionsPerImage }, () =>
    example(embeddedPrompts.questioner, write()),
  );
  return [...answers, description, ...readings, ...questions];
}

/**
 * To answer a question from words alone: from all that is there, of as many things as pictures of either domain show, or
 * from what an answer's chain says of that.
 */
function reading(stream: RandomStream): Example {
  const layout = drawScene(stream.pick(domainNames), stream);
  const asked = drawQuestion(stream.pick(lessons), layout, stream);
  const description = stream.uniform() < 0.5 ? describedIn(layout) : evidenceIn(layout, asked);
  const text = embeddedPrompts.reader
    .replace("{description}", description)
    .replace("{question}", formatQuestion(asked));
  return { prompt: promptOf(text), completion: demonstrate(layout, asked) };
}
