import { join } from "node:path";
import type { Figures } from "../figures.ts";
import { writeWider } from "../gym/wider_model.ts";
import { packageRoot } from "../models.ts";
import type { Outcome, Play, Plays } from "./plays.ts";
import { act, learn } from "./stages.ts";

/** Steps of each stage, and tables in each world that a model is measured on. */
const steps = { imitation: 150, grpo: 20 } as const;
const measured = 400;

const shared = { kind: "environment", maxTurns: 2, maxTokens: 20, learningRateEnd: 0.2 } as const;

/** A stage at tables of a world, all of which depart from what is usual there as far as `spread` says. */
function at(world: string, spread: 0 | 1, how: object = {}): object {
  const environment = { name: "robot", options: { world, spread: [spread, spread], explains: false } };
  return { ...shared, environment, ...how };
}

const imitation = { imitates: true, steps: steps.imitation, itemsPerStep: 32, learningRate: 1e-3 };
const grpo = {
  ...{ steps: steps.grpo, itemsPerStep: 16, groupSize: 8, learningRate: 3e-4, beta: 0 },
  // A success weighs as much as a collision: else who is not sure enough does best by doing nothing.
  ...{ advantageScale: "batch", reward: { moduleWeights: { success: 10 } } },
};

/** How broad the simulation is in which both stages learn, by the play's name. */
const spreads = { robot_plain: 0, robot_randomised: 1 } as const;

export const robotPlays: readonly Play[] = Object.entries(spreads).map(([name, spread]) => ({
  name,
  async outcome(seed, folder): Promise<Outcome> {
    const start = join(folder, "robot-start");
    await writeWider(join(packageRoot, "models/tiny"), start, ["where", "reach", "push", "wait"], seed);
    const imitated = await learn(
      join(folder, `${name}-imitated`),
      start,
      seed,
      at("simulation", spread, imitation),
    );
    const learnt = await learn(join(folder, name), imitated, seed, at("simulation", spread, grpo));
    const inWorld = async (world: string, share: 0 | 1, model: string): Promise<number> => {
      const run = join(folder, `act-${name}-${world}`);
      const { success } = await act(run, model, at(world, share), { tasks: measured });
      return success.percent;
    };
    return {
      imitated: await inWorld("real", 1, imitated),
      real: await inWorld("real", 1, learnt),
      target: await inWorld("target", 1, learnt),
      simulation: await inWorld("simulation", spread, learnt),
    };
  },
}));

export function robotFigures(plays: Plays, seeds: number): Figures {
  const percent = (name: string, figure: string) => ({
    value: plays.meanOf(name, figure, seeds),
    unit: "% success",
  });
  return {
    robot_plain: percent("robot_plain", "real"),
    robot_randomised: percent("robot_randomised", "real"),
    robot_plain_imitated: percent("robot_plain", "imitated"),
    robot_randomised_imitated: percent("robot_randomised", "imitated"),
    robot_plain_simulation: percent("robot_plain", "simulation"),
    robot_randomised_simulation: percent("robot_randomised", "simulation"),
  };
}
