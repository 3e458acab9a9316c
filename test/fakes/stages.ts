import { concatMap, from } from "rxjs";
import type { SavedRun } from "../../arena/arena.ts";
import type { RunConfig } from "../../arena/config/config.ts";
import type { EnvironmentStage, GrpoStage, SelfPlayStage, SftStage } from "../../arena/config/stages.ts";
import { dataQuestions } from "../../environments/data.ts";
import { questionEnvironment } from "../../environments/question.ts";
import { openRewarder } from "../../environments/task_reward.ts";
import type { RunEvent } from "../../replay/events.ts";
import { MemoryCheckpoints } from "./checkpoints.ts";
import { configOf } from "./config.ts";
import { guessing } from "./guessing.ts";
import { playIn, withoutTimes } from "./play.ts";
import { evaluationReport } from "./run_events.ts";
import { FakeImages, makeWorld, smallConfig, type World } from "./world.ts";

/** Labelled questions about the world's images: how many dots, and some more. */
export const items: readonly { question: string; truths: string[]; chain: string | null }[] = Array.from(
  { length: 30 },
  (_, index) => ({
    question: `how many dots plus ${index % 3} ?`,
    truths: [`${(index % 10) + (index % 3)}`],
    chain: index % 2 === 0 ? "i count" : null,
  }),
);

const [first, second, third, fourth, last] = configOf({
  stages: [
    { kind: "sft", data: "rows", itemsPerStep: 8, epochs: 2, heldOutEvery: 3, schedule: "linear" },
    { kind: "grpo", data: "rows", itemsPerStep: 6, steps: 4, groupSize: 4, samplingCalls: 3 },
    {
      ...{
        kind: "environment",
        environment: "./guessing.ts",
        itemsPerStep: 4,
        steps: 5,
        groupSize: 4,
        maxTurns: 3,
      },
      ...{ samplingCalls: 2, reward: { moduleWeights: { tries: 2 } } },
    },
    {
      kind: "environment",
      environment: "./guessing.ts",
      imitates: true,
      itemsPerStep: 4,
      steps: 3,
      maxTurns: 3,
    },
    { kind: "self_play" },
  ],
}).stages as readonly [SftStage, GrpoStage, EnvironmentStage, EnvironmentStage, SelfPlayStage];

export const sft: SftStage = first;
export const grpo: GrpoStage = second;
/** In `guessing`, by GRPO. */
export const guess: EnvironmentStage = third;
/** In `guessing`, by imitation. */
export const copy: EnvironmentStage = fourth;
export const selfPlay: SelfPlayStage = last;

const rewarder = await openRewarder(grpo.reward, { maxTokens: grpo.maxTokens, hedges: {} });

/** All of them, in turn. */
export const fivefold: RunConfig = smallConfig((change) => {
  Object.assign(change, { stages: [sft, grpo, guess, copy, selfPlay] });
  change.checkpoint.everySteps = 1;
  change.evaluation.questions = 1;
});

export interface Evaluated extends World {
  readonly checkpoints: MemoryCheckpoints;
}

/** A world with their data and environments, whose Reasoner gets `percent` of all questions right. */
export function evaluatedWorld(percent = 50): Evaluated {
  const figures = ["greedy", "mean8", "mean8_t06", "maj8", "pass8", "blind", "abstention", "parseFailure"];
  const score = { percent, low: percent, high: percent };
  const overall = { questions: 1, ...Object.fromEntries(figures.map((name) => [name, score])) } as never;
  const world = makeWorld();
  const labelled = { images: new FakeImages(30, world.time, (index) => index % 9 === 8), items };
  const asked = questionEnvironment(dataQuestions("rows", labelled), world.templates, rewarder);
  return {
    ...world,
    labelled: [labelled],
    environments: [null, asked, guessing(12), guessing(12)],
    checkpoints: new MemoryCheckpoints(),
    evaluate: (policy) =>
      from(policy.info()).pipe(concatMap(() => [{ report: evaluationReport({ overall }) }])),
  };
}

/** A run in such a world. */
export async function played(
  config: RunConfig,
  world: Evaluated = evaluatedWorld(),
  saved: SavedRun | null = null,
): Promise<{
  readonly world: Evaluated;
  readonly completed: boolean;
  readonly error: unknown;
  readonly events: RunEvent[];
}> {
  const { completed, error } = await playIn(world, config, undefined, saved);
  return { world, completed, error, events: world.log.events };
}

/** Of a run that was played whole: what each of its checkpoints goes on to in a world anew, and what the whole came to. */
export async function storiesFromCheckpoints(
  config: RunConfig,
  whole: { readonly world: Evaluated; readonly events: readonly RunEvent[] },
  makeWorld: () => Evaluated,
): Promise<{ readonly story: unknown[]; readonly others: { completed: boolean; story: unknown[] }[] }> {
  const own = new Set(["checkpointSaved", "runResumed"]);
  const storyOf = (events: readonly RunEvent[]) =>
    events.filter(({ type }) => !own.has(type)).map(withoutTimes);
  const others = [];
  for (const checkpoint of whole.world.checkpoints.saved as readonly SavedRun[]) {
    const world = makeWorld();
    world.log.events.push(...whole.events.slice(0, checkpoint.state.replay));
    for (const [folder, version] of whole.world.policies.reasoner.states)
      world.policies.reasoner.states.set(folder, version);
    const { completed } = await played(config, world, checkpoint);
    others.push({ completed, story: storyOf(world.log.events) });
  }
  return { story: storyOf(whole.events), others };
}
