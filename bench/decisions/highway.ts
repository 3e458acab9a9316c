import { join } from "node:path";
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

/** A stage in highway-env, whose pictures are as large as the model sees them. */
function highway(python: string, how: object = {}): object {
  const config = {
    ...{ screen_width: 64, screen_height: 64, scaling: 2, duration: decisions },
    ...{ lanes_count: 3, vehicles_count: 10 },
  };
  const options = {
    ...{ id: "highway_env:highway-fast-v0", kwargs: { config }, python, actions, question: "?" },
  };
  return {
    ...{ kind: "environment", environment: { name: "gymnasium", options }, maxTurns: decisions },
    ...{ maxTokens: 8, learningRateEnd: 0.2 },
    ...how,
  };
}

/** It learns how actions are said by imitating some at random: that is where GRPO starts. */
const imitation = { imitates: true, steps: 25, itemsPerStep: 8, maxTurns: 2, learningRate: 1e-3 };
const grpo = { steps: 15, itemsPerStep: 8, groupSize: 8, learningRate: 3e-4, beta: 0 };

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
          start: await reward(start, {}),
          // Of a policy that has learnt no more than how to say any action.
          random: await reward(start, { temperature: 1 }),
          learnt: await reward(learnt, {}),
          sampled: await reward(learnt, { temperature: 1 }),
        };
      },
    },
  ];
}

export function highwayFigures(plays: Plays, seeds: number): Figures {
  const reward = (figure: string) => ({ value: plays.meanOf("highway", figure, seeds), unit: "reward" });
  return {
    highway_random: reward("random"),
    highway_start: reward("start"),
    highway_learnt: reward("learnt"),
    highway_learnt_sampled: reward("sampled"),
  };
}
