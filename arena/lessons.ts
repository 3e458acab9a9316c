import { isFaultOfPrompt, VisplayError } from "../common/errors.ts";
import { zip } from "../common/zip.ts";
import type { Example, Prompt } from "../policy/port.ts";
import type { ImageRef, SupervisedStep, UpdateRecord } from "../replay/events.ts";
import type { Step } from "./step.ts";

/** What is to be said after a prompt about a picture. */
export interface Lesson {
  readonly ref: ImageRef;
  readonly example: Example & { readonly completion: Int32Array };
  readonly text: string;
  /** To what; null for the question itself. */
  readonly question: string | null;
}

/** How long completions may be, and the setting that says so. */
interface LengthLimit {
  readonly maxTokens: number;
  readonly setting: string;
}

/** A completion to imitate under a prompt; none for one that is too long, which is noted. */
export function lessons(
  step: Step,
  { maxTokens, setting }: LengthLimit,
  said: Omit<Lesson, "example">,
  prompt: Prompt,
): Lesson[] {
  const completion = step.run.ports.encode(said.text);
  if (completion.length <= maxTokens) return [{ ...said, example: { prompt, completion } }];
  const found = `what it is to teach has ${completion.length} tokens, expected at most ${maxTokens}`;
  step.fail("load", said.ref, new VisplayError("prompt", `${found} (${setting})`));
  return [];
}

/** The limit of a stage that has its own. */
export function limitOf({ run }: Step, { maxTokens }: Pick<LengthLimit, "maxTokens">): LengthLimit {
  return { maxTokens, setting: `stages.${run.stage.index}.maxTokens` };
}

/** What was imitated; the update is null where there was nothing. */
interface Learnt {
  readonly taught: readonly Lesson[];
  readonly update: UpdateRecord | null;
}

/**
 * One supervised update of the Reasoner, without the lessons whose image or question the model cannot take. A signal ends it
 * early; null lets it come to its end, where an update before it has to be recorded with it.
 */
export async function learn(
  step: Step,
  learningRate: number,
  lessons: readonly Lesson[],
  signal: AbortSignal | null = step.run.signal,
): Promise<Learnt> {
  if (lessons.length === 0) return { taught: [], update: null };
  const { reasoner } = step.run.ports.policies;
  const examples = lessons.map(({ example }) => example);
  try {
    const report = await step.time("update", () =>
      reasoner.supervise(examples, { learningRate }, signal ?? undefined),
    );
    return { taught: lessons, update: { ...report, learningRate } };
  } catch (error) {
    if (!isFaultOfPrompt(error)) throw error;
    const scores = await score(step, lessons);
    const fit = zip(lessons, scores).flatMap(([lesson, logProbs]) => (logProbs ? [lesson] : []));
    if (fit.length === lessons.length) throw error;
    return learn(step, learningRate, fit, signal);
  }
}

/** A step of imitation, as the replay keeps it. */
export function supervisedStep(
  step: Step,
  { taught, update }: Learnt,
  heldOutLoss: number | null,
): SupervisedStep {
  return {
    type: "supervisedStep",
    ...step.place,
    role: "reasoner",
    ...step.measurements(),
    examples: taught.map(({ ref: { index, name }, question, text }) => {
      return { image: { index, name }, question, completion: text };
    }),
    heldOutLoss,
    update,
  };
}

/** Log-probabilities of what lessons say, [lessons][T]; null for one that the model cannot take, which is noted. */
export function score(step: Step, lessons: readonly Lesson[]): Promise<(Float32Array | null)[]> {
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
