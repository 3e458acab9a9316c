import type { Observable } from "rxjs";
import { isFaultOfPrompt, VisplayError } from "../common/errors.ts";
import { zip } from "../common/zip.ts";
import type { Example, Prompt } from "../policy/port.ts";
import { questionerPrompt } from "../questioner/prompt.ts";
import { writeQuestion } from "../questioner/write.ts";
import { reasonerPrompt } from "../reasoner/prompt.ts";
import { writeAnswer } from "../reasoner/write.ts";
import type { EventBody, RunEvent, UpdateRecord } from "../replay/events.ts";
import { lastRoundOf, type Schedule, type SftStage, stepsOf } from "./config/stages.ts";
import { itemsAt } from "./data_order.ts";
import type { LoadedImage } from "./dialogue.ts";
import { type LabelledQuestion, loadRows, rowsOf } from "./labelled.ts";
import { playPhase } from "./phase.ts";
import type { Run } from "./run.ts";
import type { Step } from "./step.ts";

/**
 * The Reasoner imitates the answers of labelled data, under the very prompt that it is asked with, in the run's format;
 * where a Questioner is to start from it, the questions, too.
 *
 *     Reasoner's worker     update k     (score what is held out)
 *     main thread           decode k+1
 *
 * While a step goes on, the images of the next are decoded.
 */
export function sftPhase(run: Run, config: SftStage): Observable<RunEvent> {
  const split = splitRows(run, config);
  return playPhase(run, {
    round: lastRoundOf(run.stage),
    phase: "sft",
    steps: stepsOf(config, split.learnt),
    prepare: async (step) =>
      loadRows(step, split.rows(rowsOf(step, config.itemsPerStep, split.learnt)), false),
    play: (step, questions) => playStep(step, config, questions, split.heldOut),
  });
}

/** The rows of the data, some of which are held out. */
interface Split {
  /** Those that are held out. */
  readonly heldOut: readonly number[];
  /** How many are learnt from. */
  readonly learnt: number;
  /** Rows by their places among those. */
  rows(places: readonly number[]): number[];
}

/** Shares out the rows by lot, the same whenever the run goes on. */
function splitRows(run: Run, config: SftStage): Split {
  const { length } = run.labelled.items;
  const out = Math.min(config.heldOut, Math.floor(length / 10));
  const shuffled = itemsAt(run.seed("sft.split", run.stage.index), 0, length, length);
  const learnt = shuffled.slice(out);
  return {
    heldOut: shuffled.slice(0, out),
    learnt: learnt.length,
    rows: (places) => places.map((place) => learnt[place] as number),
  };
}

/** What is to be said about a picture. */
interface Lesson extends LoadedImage {
  readonly example: Example & { readonly completion: Int32Array };
  readonly text: string;
  /** To what; null for the question itself. */
  readonly question: string | null;
}

/** One update on given answers; now and then what it does for those that are held out. */
async function playStep(
  step: Step,
  config: SftStage,
  questions: readonly LabelledQuestion[],
  heldOut: readonly number[],
): Promise<EventBody[]> {
  const { step: index, steps } = step.place;
  const isLast = index + 1 === steps;
  // Before the update, for what was learned has to be recorded, and a stop would not wait.
  const before = !isLast && index % config.heldOutEvery === 0 ? await lossOf(step, config, heldOut) : null;
  const answers = answersTo(step, config, questions);
  const asked = config.asks ? questionsIn(step, config, questions) : [];
  const { taught, update } = await learn(step, config, [...answers, ...asked]);
  const heldOutLoss = isLast ? await lossOf(step, config, heldOut) : before;
  return [
    {
      type: "supervisedStep",
      ...step.place,
      phase: "sft",
      role: "reasoner",
      ...step.measurements(),
      examples: taught.map(({ ref: { index, name }, question, text }) => {
        return { image: { index, name }, question, completion: text };
      }),
      heldOutLoss,
      update,
    },
  ];
}

/** The answers to questions. */
function answersTo(step: Step, config: SftStage, questions: readonly LabelledQuestion[]): Lesson[] {
  const { templates } = step.run.ports;
  return questions.flatMap(({ ref, image, question, item: { truths, chain } }) => {
    const text = writeAnswer(templates.format, truths[0] ?? "", chain);
    return lessons(step, config, { ref, image, question, text }, reasonerPrompt(image, question, templates));
  });
}

/** The questions about images, as a Questioner is to ask them. */
function questionsIn(step: Step, config: SftStage, questions: readonly LabelledQuestion[]): Lesson[] {
  const { templates } = step.run.ports;
  return questions.flatMap(({ ref, image, question, item: { truths } }) => {
    const text = writeQuestion(templates.format, question, truths[0] ?? null);
    return lessons(step, config, { ref, image, question: null, text }, questionerPrompt(image, templates));
  });
}

/** A completion to imitate under a prompt; none for one that is too long, which is noted. */
function lessons(
  step: Step,
  { maxTokens }: SftStage,
  said: Omit<Lesson, "example">,
  prompt: Prompt,
): Lesson[] {
  const completion = step.run.ports.encode(said.text);
  if (completion.length <= maxTokens) return [{ ...said, example: { prompt, completion } }];
  const found = `what it is to teach has ${completion.length} tokens, expected at most ${maxTokens}`;
  const setting = `stages.${step.run.stage.index}.maxTokens`;
  step.fail("load", said.ref, new VisplayError("prompt", `${found} (${setting})`));
  return [];
}

/** One supervised update, without the lessons whose image or question the model cannot take. */
async function learn(
  step: Step,
  config: SftStage,
  lessons: readonly Lesson[],
): Promise<{ readonly taught: readonly Lesson[]; readonly update: UpdateRecord | null }> {
  if (lessons.length === 0) return { taught: [], update: null };
  const { run, place } = step;
  const learningRate =
    config.learningRate * run.warmup("reasoner") * scheduled(config, place.step / place.steps);
  const examples = lessons.map(({ example }) => example);
  try {
    const report = await step.time("update", (signal) =>
      run.ports.policies.reasoner.supervise(examples, { learningRate }, signal),
    );
    return { taught: lessons, update: { ...report, learningRate } };
  } catch (error) {
    if (!isFaultOfPrompt(error)) throw error;
    const scores = await score(step, lessons);
    const fit = zip(lessons, scores).flatMap(([lesson, logProbs]) => (logProbs ? [lesson] : []));
    if (fit.length === lessons.length) throw error;
    return learn(step, config, fit);
  }
}

/** What the learning rate is of its highest after a share of the stage. */
function scheduled({ schedule, learningRateEnd: end }: SftStage, done: number): number {
  return end + (1 - end) * schedules[schedule](done);
}

const schedules: Readonly<Record<Schedule, (done: number) => number>> = {
  cosine: (done) => (1 + Math.cos(Math.PI * done)) / 2,
  linear: (done) => 1 - done,
  constant: () => 1,
};

/** Mean cross-entropy of a token of the completions to rows (natural log); null where there is none. */
async function lossOf(step: Step, config: SftStage, rows: readonly number[]): Promise<number | null> {
  let total = 0;
  let tokens = 0;
  for (let first = 0; first < rows.length; first += config.itemsPerStep) {
    const questions = await loadRows(step, rows.slice(first, first + config.itemsPerStep), false);
    for (const logProbs of await score(step, answersTo(step, config, questions))) {
      if (!logProbs) continue;
      total -= logProbs.reduce((sum, each) => sum + each, 0);
      tokens += logProbs.length;
    }
  }
  return tokens === 0 ? null : total / tokens;
}

/** Log-probabilities of what lessons say, [lessons][T]; null for one that the model cannot take, which is noted. */
function score(step: Step, lessons: readonly Lesson[]): Promise<(Float32Array | null)[]> {
  const { reasoner } = step.run.ports.policies;
  const scoreAll = async (some: readonly Lesson[], _seed: number, signal: AbortSignal) => {
    const groups = some.map(({ example: { prompt, completion } }) => ({
      prompt,
      completions: [{ tokens: completion }],
    }));
    const scores = await reasoner.score(groups, { weights: "policy", temperature: 1 }, signal);
    return scores.map(([logProbs]) => logProbs as Float32Array);
  };
  return step.sample({ purpose: "score", during: "answer" }, lessons, scoreAll);
}
