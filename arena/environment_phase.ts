import type { Observable } from "rxjs";
import { mapInSlices } from "../common/slices.ts";
import { zip } from "../common/zip.ts";
import { rewardOf } from "../environments/task_reward.ts";
import { answerReader } from "../reasoner/reasoner.ts";
import type { EventBody, RunEvent, TrajectoryRecord } from "../replay/events.ts";
import { isVerified } from "../replay/turns.ts";
import {
  type Constraint,
  type Costs,
  constrain,
  constrainTurns,
  isForbidden,
} from "../rewards/constraints.ts";
import type { Parts } from "../rewards/parts.ts";
import { type Verification, verifiedShare } from "../rewards/reasoner.ts";
import { sampleTeaching } from "../training/dynamic_sampling.ts";
import { canTeach, type RewardedDescription, type RewardedTurn, type Taught } from "../training/grpo.ts";
import { chargedCosts, rollOut, type SampleTurn, type Trajectory } from "../training/rollout.ts";
import {
  type AnswerGroup,
  answerEpisode,
  answerFigures,
  type RewardedAnswer,
  scoreTeaching,
} from "./answer_groups.ts";
import type { CheckedLook } from "./attribution.ts";
import { isJoint, splitTasks } from "./config/skills.ts";
import { lastRoundOf, stepsOf } from "./config/stages.ts";
import { describingTokens } from "./described_answers.ts";
import { fitTo } from "./dialogue.ts";
import { imitate } from "./imitation.ts";
import { labelledChains, lookAtTasks, withLabelledCauses } from "./labelled_causes.ts";
import { playPhase } from "./phase.ts";
import type { Run } from "./run.ts";
import { keepSafest, lookAtSafety } from "./safety_gate.ts";
import { requireSkills } from "./skills.ts";
import { type Lessons, openedBy, otherTasks, type TaskStage, tasksOf } from "./stage_tasks.ts";
import type { Step } from "./step.ts";
import { type OpenTask, openTasks } from "./tasks.ts";
import { train } from "./training.ts";
import { judgeOf, trajectoryFigures, trajectoryRecord } from "./trajectories.ts";
import { turnSampler } from "./turn_sampler.ts";
import { noveltySeed, watchTurns } from "./watching.ts";

/**
 * The Reasoner learns to act in an environment, be it one answer to a labelled question: groups of trajectories, rewarded
 * by the environment, and one update.
 *
 *     Reasoner's worker   turn 1 of k    turn 2 of k   …   reference k   update k
 *     environment         begin k+1      step 1 of k   …
 *
 * While a step goes on, the tasks of the next begin.
 */
export function environmentPhase(run: Run, config: TaskStage): Observable<RunEvent> {
  const { environment } = run;
  const { taught: tasks } = splitTasks(config, environment.tasks);
  const joins = config.kind === "environment" && isJoint(config);
  const steps = stepsOf(config, tasks);
  return playPhase(run, {
    round: lastRoundOf(run.stage),
    phase: config.kind,
    steps,
    ...(joins && { begin: () => requireSkills(run, config) }),
    ...(config.kind === "environment" && {
      before: ({ place: { step } }) => lookAtSafety(run, config, step),
      after: () => keepSafest(run, config, steps),
    }),
    prepare: (step) => openTasks(step, tasksOf(step, { config, tasks }), 0),
    play: (step, open) =>
      config.kind === "environment" && config.imitates
        ? imitate(step, config, open)
        : playStep(step, { config, tasks }, open),
  });
}

/** The trajectories in a task. */
interface TaskGroup extends OpenTask, AnswerGroup {
  /** Which of them succeeded, [G]. */
  readonly right: readonly boolean[];
}

/** Trajectories in tasks, rewarded by their environment; one update. */
async function playStep(step: Step, lessons: Lessons, open: readonly OpenTask[]): Promise<EventBody[]> {
  const { config } = lessons;
  const { versions } = step.run.progress;
  const { groups, replaced } = await sampleTasks(step, lessons, open);
  const teaching = groups.filter((group) => canTeach(group, config));
  const [scored, looks] = await Promise.all([
    scoreTeaching(step, groups, teaching, config),
    config.kind === "grpo" ? lookAtTasks(step, groups) : new Map<TaskGroup, CheckedLook>(),
  ]);
  const explained = await Promise.all(
    zip(groups, scored).map(([group, each]) => {
      const look = looks.get(group);
      return look ? withLabelledCauses(step, each, look) : each;
    }),
  );
  const learned = await train(step, "reasoner", explained, lossOf(config), config.learningRate);
  const taught = [...learned.groups, ...replaced.map(untaught)];
  const trained = { ...learned, droppedGroups: learned.droppedGroups + replaced.length };
  // To its end: what was learned has to be recorded.
  const episodes = await mapInSlices(taught, (group) => {
    return answerEpisode(step, versions, group, { view: 0, label: group.label, confidence: 1 });
  });
  const acted = taught.flatMap(({ rollouts }) => rollouts.flatMap(({ trajectory }) => trajectory ?? []));
  const isConstrained = step.run.environment.constraints !== undefined;
  const trajectories = acted.length > 0 ? trajectoryFigures(acted, isConstrained) : null;
  return [
    ...episodes,
    { ...answerFigures(step, episodes, taught, trained), trajectories },
    ...openedBy(
      step,
      config,
      groups.map(({ right }) => right),
    ),
  ];
}

/** How a stage learns: the longest completion is that of all its turns. */
function lossOf(config: TaskStage): TaskStage {
  return { ...config, maxTokens: config.maxTokens * turnsOf(config) };
}

/** Turns of a trajectory, at most. */
function turnsOf(config: TaskStage): number {
  return config.kind === "grpo" ? 1 : config.maxTurns;
}

/** The groups to learn from; where several calls may sample, without those that teach nothing, which others replace. */
async function sampleTasks(
  step: Step,
  lessons: Lessons,
  open: readonly OpenTask[],
): Promise<{ readonly groups: readonly TaskGroup[]; readonly replaced: readonly TaskGroup[] }> {
  const { config } = lessons;
  if (config.samplingCalls === 1) return { groups: await act(step, config, open, 0), replaced: [] };
  let call = 0;
  const next = async (missing: number) => {
    const some = call === 0 ? open : await openTasks(step, otherTasks(step, lessons, missing, call), call);
    return act(step, config, some, call++);
  };
  return sampleTeaching(next, open.length, config.samplingCalls, config);
}

/** Groups of trajectories in tasks, each rewarded. */
async function act(
  step: Step,
  config: TaskStage,
  open: readonly OpenTask[],
  call: number,
): Promise<TaskGroup[]> {
  const { groupSize } = config;
  const { environment, signal } = step.run;
  const { constraints = [] } = environment;
  const options = { groupSize, maxTurns: turnsOf(config), judge: judgeOf(config), signal };
  const groups = await rollOut(open, environment, await sampler(step, config, open, call), options);
  const read = answerReader(step.run.ports.templates);
  const acted = zip(open, groups).flatMap(([task, trajectories]) => {
    if (!trajectories) return [];
    const lasts = trajectories.map(({ last }) => last);
    return [{ task, trajectories, answers: read(task.question, lasts) }];
  });
  const spoken = acted.map(({ task, answers }) => [task, answers] as const);
  const follow = config.kind === "grpo" ? await labelledChains(step, config, spoken, call) : null;
  const { encode } = step.run.ports;
  return acted.map(({ task, trajectories, answers }, place) => {
    const rollouts = zip(trajectories, answers).map(([trajectory, { parsed }], i): RewardedAnswer => {
      const follows = follow?.[place]?.[i] ?? null;
      const { completion, success } = trajectory;
      const verification = config.kind === "grpo" ? config.verification : "none";
      const parts = verifiedParts(trajectory.parts, verification, follows);
      const description = describedApart(config, trajectory, parts && follows, encode);
      return {
        completion,
        parsed,
        parts: parts ?? {},
        reward: parts && constrain(rewardOf(parts, config.reward) ?? 0, trajectory.costs, constraints),
        positive: success && (verification === "none" || follows === true),
        reference: null,
        trajectory:
          config.kind === "grpo"
            ? null
            : {
                ...trajectoryRecord(step, trajectory, trajectory.success),
                ...penaltyOf(trajectory.costs, constraints),
              },
        verified: task.tools && isVerified(trajectory),
        ...(isByTurn(config) && { turns: rewardedTurns(trajectory, config.reward, constraints) }),
        ...(description && { description }),
        attribution: null,
      };
    });
    return { ...task, rollouts, right: trajectories.map(({ success }) => success) };
  });
}

/** What constraints took, for a record. */
function penaltyOf(costs: Costs, constraints: readonly Constraint[]): Pick<TrajectoryRecord, "penalty"> {
  const taken = -constrain(0, costs, constraints);
  return taken === 0 ? {} : { penalty: { taken, alone: isForbidden(costs, constraints) } };
}

/** The beginning of a trajectory that says what is seen, where that is credited apart: for what follows from it, or for its truth. */
function describedApart(
  config: TaskStage,
  { completion, turns }: Trajectory,
  follows: boolean | null,
  encode: (completion: string) => Int32Array,
): RewardedDescription | null {
  if (config.kind === "grpo") {
    if (config.attribution !== "by_part") return null;
    return {
      tokens: describingTokens(completion, encode),
      reward: follows === null ? null : Number(follows),
    };
  }
  const [first] = turns;
  if (config.credit !== "by_part" || !first) return null;
  return { tokens: describingTokens(first, encode), reward: first.parts.understanding ?? null };
}

/** The parts of an answer, where it is known whether a right one follows from its chain. */
function verifiedParts(
  parts: Parts | null,
  verification: Verification,
  follows: boolean | null,
): Parts | null {
  if (parts === null || follows === null) return parts;
  const { correctness } = parts;
  return {
    ...parts,
    ...(correctness !== undefined && { correctness: correctness * verifiedShare(verification, follows) }),
    description: Number(follows),
  };
}

/** The Reasoner speaks, and is watched where constraints are to be kept; a prompt that it cannot take is noted. */
async function sampler(
  step: Step,
  config: TaskStage,
  open: readonly OpenTask[],
  call: number,
): Promise<SampleTurn> {
  const { run } = step;
  const policy = run.policy("reasoner");
  const spoken = { ...config, maxTurns: turnsOf(config) };
  const speakFor = (purpose: string): SampleTurn =>
    turnSampler(policy, run.environment, spoken, async (asked, turn, speak) => {
      const items = asked.map((each) => ({ ...each, ref: (open[each.task] as OpenTask).ref }));
      const part = turn * config.samplingCalls + call;
      const sampled = await step.sample({ purpose, part, during: "answer" }, items, speak);
      for (const completions of sampled)
        step.count((completions ?? []).map((completion) => ({ completion })));
      return sampled;
    });
  if (config.kind === "grpo") return speakFor("answer");
  return watchTurns(speakFor("answer"), policy, run.environment, {
    safety: config.safety,
    clock: run.ports.clock,
    look: speakFor("look"),
    fit: fitTo(run.models),
    seed: noveltySeed(run),
    signal: run.signal,
  });
}

/** A group that was left out of the update. */
function untaught({ rollouts, ...group }: TaskGroup): Taught<TaskGroup> {
  const nothing = { advantage: 0, turnAdvantages: null, descriptionAdvantage: null };
  return { ...group, rollouts: rollouts.map((each) => ({ ...each, ...nothing })) };
}

/** Whether each turn is credited with what was earned from it on. */
function isByTurn(config: TaskStage): boolean {
  return config.kind === "environment" && config.credit === "by_turn";
}

/** What each turn of a trajectory earned, weighted and under constraints. */
function rewardedTurns(
  { turns }: Trajectory,
  reward: TaskStage["reward"],
  constraints: readonly Constraint[],
): RewardedTurn[] {
  const earned = turns.map((turn) => ({
    reward: rewardOf(turn.parts, reward) ?? 0,
    costs: chargedCosts(turn),
  }));
  return zip(turns, constrainTurns(earned, constraints)).map(([{ tokens }, own]) => ({
    tokens: tokens.length,
    reward: own,
  }));
}
