import { join } from "node:path";
import { mean } from "../../arena/statistics.ts";
import { inParallel } from "../../common/in_parallel.ts";
import { deriveSeed } from "../../common/random.ts";
import { openGymnasium } from "../../environments/gymnasium/gymnasium.ts";
import { gymnasiumOptions } from "../../environments/gymnasium/options.ts";
import type { Figures } from "../figures.ts";
import { writeWider } from "../gym/wider_model.ts";
import { packageRoot } from "../models.ts";
import type { Outcome, Play, Plays } from "./plays.ts";
import { act, learn } from "./stages.ts";

/** Decisions of a drive, and drives that a model is measured on. */
const decisions = 8;
const measured = 60;

/** Words for what highway-env calls its actions, in its order. */
const actions = ["left", "stay", "right", "faster", "slower"];

/** highway-env, whose pictures are as large as the model sees them. */
function highwayOptions(python: string): object {
  const config = {
    ...{ screen_width: 64, screen_height: 64, scaling: 2, duration: decisions },
    ...{ lanes_count: 3, vehicles_count: 10 },
  };
  return { id: "highway_env:highway-fast-v0", kwargs: { config }, python, actions, question: "?" };
}

/** A stage in it. */
function highway(python: string, how: object = {}): object {
  const options = highwayOptions(python);
  return {
    ...{ kind: "environment", environment: { name: "gymnasium", options }, maxTurns: decisions },
    ...{ maxTokens: 8, learningRateEnd: 0.2 },
    ...how,
  };
}

/** It learns how actions are said by imitating some at random: that is where GRPO starts. */
const imitation = { imitates: true, steps: 50, itemsPerStep: 16, maxTurns: 2, learningRate: 1e-3 };
const grpo = { steps: 25, itemsPerStep: 8, groupSize: 8, learningRate: 3e-4, beta: 0 };

/** Plays for a Python that has highway-env. */
export function highwayPlays(python: string): readonly Play[] {
  return [
    {
      name: "highway",
      async outcome(seed, folder): Promise<Outcome> {
        const begin = join(folder, "highway-start");
        await writeWider(join(packageRoot, "models/tiny"), begin, actions, seed);
        const start = await learn(join(folder, "highway-imitated"), begin, seed, highway(python, imitation));
        const learnt = await learn(join(folder, "highway"), start, seed, highway(python, grpo));
        const reward = async (model: string, how: object): Promise<number> => {
          const run = join(folder, "act-highway");
          return (await act(run, model, highway(python), { tasks: measured, ...how })).meanReward;
        };
        return {
          random: await randomReward(python),
          start: await reward(start, {}),
          start_sampled: await reward(start, { temperature: 1 }),
          learnt: await reward(learnt, {}),
          learnt_sampled: await reward(learnt, { temperature: 1 }),
        };
      },
    },
  ];
}

/** What uniformly random actions earn in the very drives that models are measured on. */
async function randomReward(python: string): Promise<number> {
  const playing = { tasks: measured, processes: 2, timeLimitMs: 60_000, setting: "highway" };
  const templates = { reasoner: "{question}", format: "tags" } as const;
  await using environment = await openGymnasium(
    gymnasiumOptions.parse(highwayOptions(python)),
    playing,
    templates,
  );
  const drive = async (task: number): Promise<number> => {
    const start = await environment.reset(task, { seed: deriveSeed(0, "task", task), fit: () => null });
    let [state, earned] = [start.state, 0];
    for (let turn = 0; turn < decisions; turn++) {
      const text = (await environment.demonstrate?.(state, turn)) ?? "";
      const outcome = await environment.step(state, { text, tokens: new Int32Array(), finishReason: "stop" });
      earned += outcome.parts?.reward ?? 0;
      if (outcome.turns === null) break;
      state = outcome.state;
    }
    return earned;
  };
  const tasks = Array.from({ length: measured }, (_, task) => task);
  return mean(await inParallel(tasks, 4, drive));
}

export function highwayFigures(plays: Plays, seeds: number): Figures {
  const reward = (figure: string) => ({ value: plays.meanOf("highway", figure, seeds), unit: "reward" });
  return {
    highway_random: reward("random"),
    highway_start: reward("start"),
    highway_learnt: reward("learnt"),
    highway_start_sampled: reward("start_sampled"),
    highway_learnt_sampled: reward("learnt_sampled"),
  };
}
