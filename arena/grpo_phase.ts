import { concatMap, defer, type Observable } from "rxjs";
import { mapInSlices } from "../common/slices.ts";
import { zip } from "../common/zip.ts";
import type { EventBody, RunEvent } from "../replay/events.ts";
import { sampleTeaching } from "../training/dynamic_sampling.ts";
import { canTeach, type Taught } from "../training/grpo.ts";
import {
  type AnswerGroup,
  answerEpisode,
  answerFigures,
  type RewardedAnswer,
  scoreTeaching,
} from "./answer_groups.ts";
import { type GrpoStage, lastRoundOf, stepsOf } from "./config/stages.ts";
import { itemsAt } from "./data_order.ts";
import { answer, samplingOf } from "./dialogue.ts";
import { type LabelledQuestion, loadRows, rowsOf } from "./labelled.ts";
import { playPhase } from "./phase.ts";
import type { Run } from "./run.ts";
import type { Step } from "./step.ts";
import { openRewarder, type Rewarder } from "./task_reward.ts";
import { train } from "./training.ts";

/**
 * The Reasoner learns to give the answers of labelled data: groups of answers, each rewarded by its label, and one update.
 *
 *     Reasoner's worker     answer k     (answer more k)     reference k     update k
 *     main thread           decode k+1
 *
 * While a step goes on, the images of the next are decoded.
 */
export function grpoPhase(run: Run, config: GrpoStage): Observable<RunEvent> {
  const { length } = run.labelled.items;
  return defer(() => openRewarder(config.reward, config.maxTokens)).pipe(
    concatMap((reward) =>
      playPhase(run, {
        round: lastRoundOf(run.stage),
        phase: "grpo",
        steps: stepsOf(config, length),
        prepare: (step) => loadRows(step, rowsOf(step, config.itemsPerStep, length)),
        play: (step, questions) => playStep(step, { config, reward }, questions),
      }),
    ),
  );
}

/** How a stage learns, and what it rewards. */
interface Lessons {
  readonly config: GrpoStage;
  readonly reward: Rewarder;
}

/** The answers to a labelled question. */
interface LabelledGroup extends LabelledQuestion, AnswerGroup {}

/** Answers to questions, rewarded by their labels; one update. */
async function playStep(
  step: Step,
  lessons: Lessons,
  questions: readonly LabelledQuestion[],
): Promise<EventBody[]> {
  const { config } = lessons;
  const { versions } = step.run.progress;
  const { groups, replaced } = await sampleGroups(step, lessons, questions);
  const teaching = groups.filter((group) => canTeach(group, config));
  const scored = await scoreTeaching(step, groups, teaching, config);
  const learned = await train(step, "reasoner", scored, config, config.learningRate);
  const taught = [...learned.groups, ...replaced.map(untaught)];
  const trained = { ...learned, droppedGroups: learned.droppedGroups + replaced.length };
  // To its end: what was learned has to be recorded.
  const episodes = await mapInSlices(taught, (group) => {
    const label = group.item.truths.join(" | ");
    return answerEpisode(step, versions, group, { view: 0, label, confidence: 1 });
  });
  return [...episodes, answerFigures(step, episodes, taught, trained)];
}

/** The groups to learn from; where several calls may sample, without those that teach nothing, which others replace. */
async function sampleGroups(
  step: Step,
  lessons: Lessons,
  questions: readonly LabelledQuestion[],
): Promise<{ readonly groups: readonly LabelledGroup[]; readonly replaced: readonly LabelledGroup[] }> {
  const { config } = lessons;
  if (config.samplingCalls === 1) {
    return { groups: await rollOut(step, lessons, questions, 0), replaced: [] };
  }
  let call = 0;
  const next = async (missing: number) => {
    const asked = call === 0 ? questions : await loadRows(step, otherRows(step, missing, call));
    return rollOut(step, lessons, asked, call++);
  };
  return sampleTeaching(next, questions.length, config.samplingCalls, config);
}

/** Rows in place of some that taught nothing, drawn anew for each call. */
function otherRows({ run, place: { round, step } }: Step, count: number, call: number): number[] {
  return itemsAt(run.seed("grpo.otherItems", round, step, call), 0, count, run.labelled.items.length);
}

async function rollOut(
  step: Step,
  { config, reward }: Lessons,
  questions: readonly LabelledQuestion[],
  call: number,
): Promise<LabelledGroup[]> {
  const options = { ...samplingOf(config), samples: config.groupSize };
  const answers = await answer(step, questions, options, { purpose: "answer", part: call });
  const groups = [...answers].map(async ([question, given]): Promise<LabelledGroup> => {
    const { item, image } = question;
    const rewards = await reward({ ...item, image }, given.answers);
    const rollouts = zip(given.answers, rewards).map(([each, { correctness, ...earned }]): RewardedAnswer => {
      return { ...each, ...earned, positive: correctness === 1, reference: null };
    });
    return { ...question, prompt: given.prompt, rollouts };
  });
  return Promise.all(groups);
}

/** A group that was left out of the update. */
function untaught({ rollouts, ...group }: LabelledGroup): Taught<LabelledGroup> {
  return { ...group, rollouts: rollouts.map((each) => ({ ...each, advantage: 0 })) };
}
