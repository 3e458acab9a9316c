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
import { domainNames, drawScene, type Scene } from "../../images/scenes/scene.ts";
import { LocalPolicy } from "../embedded/local_policy.ts";
import type { Example } from "../port.ts";
import { promptAbout, promptOf } from "../prompts.ts";
import { accumulateDenseVision } from "./dense_vision.ts";
import { embeddedPrompts, writeUntrainedModel } from "./embedded_model.ts";

/** How the embedded model is made: three stages on labelled source scenes. */
export interface PretrainOptions {
  readonly seed: number;
  readonly threads: number;
  /** The vision tower learns to name what is in each cell. */
  readonly vision: StageOptions;
  /** Describing, and answering about pictures and descriptions, are learnt from careful demonstrations. */
  readonly careful: StageOptions;
  /** Errors become random: a share of the demonstrations comes from a careless annotator. */
  readonly careless: StageOptions & { readonly share: number };
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
  readonly asks: boolean;
}

export interface PretrainProgress {
  readonly stage: "vision" | "careful" | "careless";
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

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
  await using policy = await LocalPolicy.open(folder, {
    threads: options.threads,
    optimizer: { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 },
    learningRateFactors: { text: 1, connector: 1, vision: 1 },
    microBatchTokens: 4096,
  });
  for (const stage of ["vision", "careful", "careless"] as const) {
    const { steps, images, learningRate } = options[stage];
    const last = stage === "careless";
    const lesson = { carelessShare: last ? options.careless.share : 0, asks: last };
    for (let step = 0; step < steps; step++) {
      const stream = new RandomStream(deriveSeed(options.seed, stage, step));
      const batch = await drawBatch(images, stream);
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

/** A linear rise, a plateau, and a linear fall. */
function schedule(step: number, steps: number): number {
  const rise = (step + 1) / Math.max(1, steps * warmupShare);
  const fall = (steps - step) / Math.max(1, steps * decayShare);
  return Math.min(1, rise, fall);
}

async function drawBatch(count: number, stream: RandomStream): Promise<{ image: RgbImage; scene: Scene }[]> {
  const scenes = Array.from({ length: count }, () => drawScene("source", stream));
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
  if (!lesson.asks) return [...answers, description, ...readings];
  const write = () => ask(drawQuestion(stream.pick(families), scene, stream));
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
