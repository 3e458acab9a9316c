import { zip } from "../common/zip.ts";
import { imagesIn } from "../policy/prompts.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import { sameVote, voteOf } from "../reasoner/vote.ts";
import type { RewardedAnswer } from "./answer_groups.ts";
import { attribute, type CheckedLook } from "./attribution.ts";
import { lookAtSome } from "./causes.ts";
import type { GrpoStage } from "./config/stages.ts";
import { asksDescriptions, followsFromChain } from "./described_answers.ts";
import type { Step } from "./step.ts";
import type { OpenTask } from "./tasks.ts";

/** Whether an answer to a labelled task is right, by what judges the stage's answers. */
function isRight(step: Step, { state }: OpenTask): (answer: Answer) => Promise<boolean> {
  const { environment, signal } = step.run;
  return async ({ completion }) => {
    const outcome = await environment.step(state, completion, signal);
    return outcome.turns === null && outcome.success;
  };
}

/**
 * Whether a right answer also follows from what each answer says to see before it, [tasks][m]; null where the stage does not
 * ask. `call` tells calls of one step apart.
 */
export async function labelledChains(
  step: Step,
  { verification, attribution, reward }: GrpoStage,
  answered: readonly (readonly [OpenTask, readonly Answer[]])[],
  call: number,
): Promise<boolean[][] | null> {
  if (!asksDescriptions({ verification, attribution, description: reward.weights.description })) return null;
  const judged = answered.map(([task, answers]) => {
    return { ref: task.ref, question: task.question, answers, isRight: isRight(step, task) };
  });
  return followsFromChain(step, judged, { part: call });
}

/** A task with its answers, as far as causes need them. */
interface AnsweredTask extends OpenTask {
  readonly rollouts: readonly RewardedAnswer[];
  /** Which of them are, [m]. */
  readonly right: readonly boolean[];
}

/** Looks again at some tasks' pictures, of which nobody knows the truth but the labels. */
export async function lookAtTasks<T extends OpenTask>(
  step: Step,
  tasks: readonly T[],
): Promise<Map<T, CheckedLook>> {
  const shown = tasks.flatMap((task) => {
    const [image] = imagesIn(task.prompt.turns);
    return image ? [{ ref: task.ref, question: task.question, image, task }] : [];
  });
  const looks = await lookAtSome(step, shown, null);
  return new Map([...looks].map(([{ task }, look]) => [task, look]));
}

/** The answers say where they went wrong: by the labels. */
export async function withLabelledCauses<G extends AnsweredTask>(
  step: Step,
  group: G,
  look: CheckedLook,
): Promise<G> {
  const rights = await Promise.all(look.concluded.map(isRight(step, group)));
  const right = zip(look.concluded, rights).flatMap(([{ parsed }, is]) => (is ? (voteOf(parsed) ?? []) : []));
  const standard = {
    by: "label" as const,
    isRight: (vote: string | null) => right.some((each) => sameVote(each, vote)),
    passes: step.run.config.attribution.checker.passes,
  };
  const rollouts = zip(group.rollouts, group.right).map(([each, is]) => {
    return { ...each, attribution: attribute(look, standard, is) };
  });
  return { ...group, rollouts };
}
