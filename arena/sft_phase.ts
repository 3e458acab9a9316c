import type { Observable } from "rxjs";
import { questionerPrompt } from "../questioner/prompt.ts";
import { writeQuestion } from "../questioner/write.ts";
import { reasonerPrompt } from "../reasoner/prompt.ts";
import { writeAnswer } from "../reasoner/write.ts";
import type { EventBody, RunEvent } from "../replay/events.ts";
import { heldOutRows, lastRoundOf, type Schedule, type SftStage, stepsOf } from "./config/stages.ts";
import { itemsAt } from "./data_order.ts";
import { type LabelledQuestion, loadRows, rowsOf } from "./labelled.ts";
import { type Lesson, learn, lessons, limitOf, score, supervisedStep } from "./lessons.ts";
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
  const out = heldOutRows(config, length);
  const shuffled = itemsAt(run.seed("sft.split", run.stage.index), 0, length, length);
  const learnt = shuffled.slice(out);
  return {
    heldOut: shuffled.slice(0, out),
    learnt: learnt.length,
    rows: (places) => places.map((place) => learnt[place] as number),
  };
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
  const peak = config.learningRate * step.run.warmup("reasoner");
  const learnt = await learn(step, peak * scheduled(config, index / steps), [...answers, ...asked]);
  const heldOutLoss = isLast ? await lossOf(step, config, heldOut) : before;
  return [supervisedStep(step, learnt, heldOutLoss)];
}

/** The answers to questions. */
function answersTo(step: Step, config: SftStage, questions: readonly LabelledQuestion[]): Lesson[] {
  const { templates } = step.run.ports;
  return questions.flatMap(({ ref, image, question, item: { truths, chain } }) => {
    const text = writeAnswer(templates.format, truths[0] ?? "", chain);
    return lessons(
      step,
      limitOf(step, config),
      { ref, question, text },
      reasonerPrompt(image, question, templates),
    );
  });
}

/** The questions about images, as a Questioner is to ask them. */
function questionsIn(step: Step, config: SftStage, questions: readonly LabelledQuestion[]): Lesson[] {
  const { templates } = step.run.ports;
  return questions.flatMap(({ ref, image, question, item: { truths } }) => {
    const text = writeQuestion(templates.format, question, truths[0] ?? null);
    return lessons(
      step,
      limitOf(step, config),
      { ref, question: null, text },
      questionerPrompt(image, templates),
    );
  });
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
