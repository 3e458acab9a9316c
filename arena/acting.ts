import { isFaultOfPrompt } from "../common/errors.ts";
import { inParallel } from "../common/in_parallel.ts";
import { deriveSeed } from "../common/random.ts";
import { rewardOf } from "../environments/task_reward.ts";
import type { Policy } from "../policy/port.ts";
import type { Estimate, TrajectoryFigures } from "../replay/events.ts";
import { type Costs, constrain } from "../rewards/constraints.ts";
import { type Environment, promptOf, type Start } from "../training/environment.ts";
import { chargedCosts, rollOut, type SampleTurn, type Trajectory } from "../training/rollout.ts";
import type { EnvironmentStage } from "./config/stages.ts";
import { fitTo } from "./dialogue.ts";
import { isolateFailures } from "./isolate_failures.ts";
import type { Clock } from "./ports.ts";
import { mean, meanShare, meansByName, proportion, ratio } from "./statistics.ts";
import { judgeOf, trajectoryFigures } from "./trajectories.ts";
import { turnSampler } from "./turn_sampler.ts";
import { watchTurns } from "./watching.ts";

/** Which tasks are played, and how. */
export interface ActingOptions {
  /** The first, and how many. */
  readonly from: number;
  readonly tasks: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Whose pictures are those of training, and the seed that draws some of them; default: the environment itself, and its own. */
  readonly training?: { readonly environment: Environment; readonly seed: number };
  /** Told how many tasks are done. */
  readonly progress: (done: number) => void;
}

/** How a policy did in an environment. */
export interface ActingReport extends TrajectoryFigures {
  readonly tasks: number;
  /** Trajectories that succeeded, with a 95% interval. */
  readonly success: Estimate;
  readonly meanReward: number;
  /** Of decisions, those that violated a constraint, and those that would have had nobody prevented it; null without constraints. */
  readonly violations: Estimate | null;
  readonly charged: Estimate | null;
  /** How right what was said of pictures is, and how well tools were used, with 95% intervals; null where nobody judged it. */
  readonly understanding: Estimate | null;
  readonly toolUse: Estimate | null;
  /** Means over trajectories, by name. */
  readonly parts: Readonly<Record<string, number>>;
  /** Of calls, the share that went wrong; 0 where there were none. */
  readonly failedCalls: number;
}

/** Tasks that are played side by side. */
const AT_ONCE = 64;

/** One trajectory of a policy in each of some tasks; a task that cannot begin, or whose beginning the policy cannot take, is left out. */
export async function actIn(
  policy: Policy,
  environment: Environment,
  stage: EnvironmentStage,
  options: ActingOptions,
): Promise<ActingReport> {
  const { from, tasks, temperature, seed, signal, clock, progress } = options;
  const { training = { environment, seed } } = options;
  const trajectories: Trajectory[] = [];
  const reasoner = await policy.info();
  const fit = fitTo({ reasoner });
  const { hasToolForm } = reasoner;
  for (let first = from; first < from + tasks; first += AT_ONCE) {
    const chunk = Array.from({ length: Math.min(AT_ONCE, from + tasks - first) }, (_, i) => first + i);
    const begin = async (task: number): Promise<Start[]> => {
      const given = { seed: deriveSeed(seed, "task", task), fit, hasToolForm, signal };
      return environment.reset(task, given).then(
        (start) => [start],
        (error) => {
          if (isFaultOfPrompt(error)) return [];
          throw error;
        },
      );
    };
    const starts = (await inParallel(chunk, 4, begin)).flat();
    const beginnings = starts.map((start) => ({ prompt: promptOf(start), state: start.state }));
    const sampler = (purpose: string, warmth: number): SampleTurn =>
      turnSampler(policy, environment, { ...stage, temperature: warmth }, (asked, turn, call) => {
        const speak = (some: typeof asked, drawn: number) => call(some, drawn, signal);
        return isolateFailures(asked, deriveSeed(seed, purpose, first, turn), speak, () => {});
      });
    const watching = {
      safety: stage.safety,
      clock,
      look: sampler("look", 1),
      fit,
      seed: training.seed,
      signal,
    };
    const sample = await watchTurns(sampler("act", temperature), policy, training.environment, watching);
    const { maxTurns } = stage;
    const rollout = { groupSize: 1, maxTurns, judge: judgeOf(stage), signal };
    const groups = await rollOut(beginnings, environment, sample, rollout);
    trajectories.push(...groups.flatMap((group) => group ?? []));
    progress(first + chunk.length - from);
  }
  return reportOn(trajectories, stage, environment);
}

function reportOn(
  trajectories: readonly Trajectory[],
  { reward }: EnvironmentStage,
  { constraints }: Environment,
): ActingReport {
  const figures = trajectoryFigures(trajectories, constraints !== undefined);
  const count = trajectories.length;
  return {
    tasks: count,
    success: proportion(trajectories.filter(({ success }) => success).length, count),
    meanReward: mean(
      trajectories.flatMap(({ parts, costs }) => {
        const earned = rewardOf(parts, reward);
        return earned === null ? [] : constrain(earned, costs, constraints ?? []);
      }),
    ),
    violations: constraints ? violationsOf(trajectories, ({ costs }) => costs) : null,
    charged: constraints ? violationsOf(trajectories, chargedCosts) : null,
    understanding: shareOfPart(trajectories, "understanding"),
    toolUse: shareOfPart(trajectories, "toolUse"),
    parts: meansByName(trajectories.flatMap(({ parts }) => (parts ? [parts] : []))),
    ...figures,
    failedCalls: figures.failedCalls ?? 0,
  };
}

/** Of decisions, the share that cost something; those of one trajectory depend on each other. */
function violationsOf(
  trajectories: readonly Trajectory[],
  costsOf: (turn: Trajectory["turns"][number]) => Costs,
): Estimate {
  const isCosted = (costs: Costs): boolean => Object.values(costs).some((cost) => cost > 0);
  const counts = trajectories.map(({ turns }) => turns.filter((turn) => isCosted(costsOf(turn))).length);
  return ratio(
    counts,
    trajectories.map(({ turns }) => turns.length),
  );
}

/** The mean of a part that is a share; null where no trajectory has it. */
function shareOfPart(trajectories: readonly Trajectory[], name: string): Estimate | null {
  const shares = trajectories.flatMap(({ parts }) => parts?.[name] ?? []);
  return shares.length === 0 ? null : meanShare(shares);
}
