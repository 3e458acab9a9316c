import { RandomStream } from "../common/random.ts";
import type {
  CurriculumEpisode,
  CurriculumQuestion,
  EventBody,
  Health,
  ReasonerStep,
} from "../replay/events.ts";

/** Questions about one image, all of which enter the curriculum. */
export const QUESTIONS_PER_IMAGE = 8;
const imagesPerChunk = 32;
const samples = 8;

const health: Health = {
  ...{ answerEntropy: 1.3, distinctAnswers: 4, commonestAnswer: 0.3, parseFailures: 0.05, abstentions: 0.1 },
  ...{ cutAnswers: 0.02, cutQuestions: 0, malformedQuestions: 0.02, clusterShare: 0.3, templateShare: 0.4 },
};

/** A round's curriculum of so many items, chunk by chunk: one episode for each image, without the answers behind the votes. */
export function* curriculumChunks(items: number): Generator<EventBody[]> {
  const stream = new RandomStream(0);
  const images = Math.ceil(items / QUESTIONS_PER_IMAGE);
  const steps = Math.ceil(images / imagesPerChunk);
  for (let step = 0; step < steps; step++) {
    const count = Math.min(imagesPerChunk, images - step * imagesPerChunk);
    const episodes = Array.from({ length: count }, (_, i) =>
      episode(step, step * imagesPerChunk + i, stream),
    );
    const questions = count * QUESTIONS_PER_IMAGE;
    yield [
      ...episodes,
      {
        ...{ type: "curriculumStep", phase: "curriculum", round: 1, step, steps, role: "questioner" },
        ...{
          durationMs: 900,
          timingsMs: { ask: 300, answer: 600 },
          sampledTokens: 20_000,
          failed: 0,
          health,
        },
        ...{ questions, admitted: questions, meanConfidence: 0.9, verified: null },
      },
    ];
  }
}

function episode(step: number, index: number, stream: RandomStream): CurriculumEpisode {
  const image = { index, name: `folder/picture-${index}.jpg`, id: index.toString(16).padStart(32, "0") };
  return {
    ...{ type: "curriculumEpisode", phase: "curriculum", round: 1, step, role: "questioner" },
    ...{ image, prompt: "ask ." },
    versions: { questioner: 12, reasoner: 0 },
    questions: Array.from({ length: QUESTIONS_PER_IMAGE }, (_, i) => question(index, i, stream)),
  };
}

function question(image: number, place: number, stream: RandomStream): CurriculumQuestion {
  const text = `how many things of kind ${stream.integer(1000)} are in picture ${image}, in part ${place} of it ?`;
  const label = String(stream.integer(10));
  const tokens = Array.from({ length: 24 }, () => stream.integer(50_000));
  return {
    completion: { tokens, logProbs: tokens.map(() => -0.5), text, finishReason: "stop" },
    ...{
      question: text,
      failure: null,
      ownAnswer: null,
      answers: [],
      described: null,
      solution: null,
      blindAnswers: [],
      rejection: null,
      label,
    },
    verdict: {
      ...{ silver: label, confidence: 1, votes: [{ answer: label, count: samples }] },
      ...{ abstentions: 0, parseFailures: 0, samples, verified: null },
    },
  };
}

/** A step of the Reasoner, without its episodes. */
export function reasonerStep(step: number, steps: number): ReasonerStep {
  return {
    ...{ type: "reasonerStep", phase: "reasoner", round: 1, step, steps, role: "reasoner" },
    ...{ durationMs: 900, failed: 0, health, trajectories: null, attribution: null, imitated: null },
    ...{ timingsMs: { sample: 500, reference: 200, update: 350 }, sampledTokens: 6000 + (step % 100) },
    ...{ meanReward: 0.9, groups: 32, droppedGroups: 20, meanTokens: 12, truncatedShare: 0 },
    parts: { agreement: 0.8, format: 0.1, brevity: 0 },
    update: {
      ...{ loss: 0.1, gradientNorm: 1, kl: 0.01, clipFraction: 0.02, tokens: 6000, version: step + 1 },
      learningRate: 2e-4,
    },
  };
}
