import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { ActingReport } from "../../arena/acting.ts";
import { steadyClock } from "../../common/clock.ts";
import { deriveSeed, RandomStream } from "../../common/random.ts";
import { decisions } from "../../environments/driving/control.ts";
import { drawScenario } from "../../environments/driving/draw.ts";
import { Futures } from "../../environments/driving/futures_pool.ts";
import { worldOf } from "../../environments/driving/scenario.ts";
import { drivingWords } from "../../environments/driving/words.ts";
import type { Figures } from "../figures.ts";
import { writeWider } from "../gym/wider_model.ts";
import { packageRoot } from "../models.ts";
import type { Outcome, Play, Plays } from "./plays.ts";
import { act, eventsOf, learn } from "./stages.ts";

/** Steps of each stage, and tasks of the suite: each scenario as it is written and varied. */
const steps = { imitation: 250, grpo: 24, poisoned: 20 } as const;
const suiteTasks = 76;
/** No stage has it. */
const heldOutSeed = 1_000_003;

const shared = { kind: "environment", maxTurns: 1, maxTokens: 32, learningRateEnd: 0.2 } as const;
const imitation = {
  ...shared,
  ...{ environment: "driving", imitates: true, steps: steps.imitation, itemsPerStep: 32, learningRate: 1e-3 },
};
const grpo = {
  ...shared,
  ...{ environment: "driving", steps: steps.grpo, itemsPerStep: 32, groupSize: 8, learningRate: 1.5e-4 },
  // Safety first: a group in which nothing can go wrong teaches the less.
  ...{ beta: 0.01, advantageScale: "batch" },
};
const gate = { every: 12, tasks: suiteTasks };
const flipped = join(packageRoot, "dist/bench/decisions/flipped_driving.js");
const constraints = ["collision", "redLight", "speeding"];

export const drivingPlays: readonly Play[] = [
  {
    name: "imitated",
    async outcome(seed, folder) {
      const start = join(folder, "start");
      await writeWider(join(packageRoot, "models/tiny"), start, drivingWords, seed);
      const model = await learn(imitatedIn(folder), start, seed, imitation);
      return measured("imitated", folder, model);
    },
  },
  {
    name: "learnt",
    async outcome(seed, folder) {
      const run = join(folder, "learnt");
      const model = await learn(run, modelOf(imitatedIn(folder)), seed, { ...grpo, safety: { gate } });
      return { ...(await measured("learnt", folder, model)), ...(await shielded(folder, model)) };
    },
  },
  {
    // What constraints cost is taken from the reward, and nothing goes back.
    name: "summed",
    async outcome(seed, folder) {
      const run = join(folder, "summed");
      const stage = { ...grpo, safety: { soft: constraints } };
      return measured("summed", folder, await learn(run, modelOf(imitatedIn(folder)), seed, stage));
    },
  },
  {
    // Words are credited with their truth, apart from decisions.
    name: "described",
    async outcome(seed, folder) {
      const run = join(folder, "described");
      const stage = { ...grpo, credit: "by_part" };
      return measured("described", folder, await learn(run, modelOf(imitatedIn(folder)), seed, stage));
    },
  },
  {
    name: "undescribed",
    async outcome(seed, folder) {
      const run = join(folder, "undescribed");
      const stage = { ...grpo, reward: { moduleWeights: { matches: 0 } } };
      return measured("undescribed", folder, await learn(run, modelOf(imitatedIn(folder)), seed, stage));
    },
  },
  {
    name: "poisoned",
    async outcome(seed, folder) {
      const run = join(folder, "poisoned");
      const stage = {
        ...grpo,
        ...{ environment: flipped, steps: steps.poisoned, itemsPerStep: 16 },
        // What has learnt to be careful hardly tries anything else: at a rate at which it forgets.
        learningRate: 1e-3,
        safety: { gate: { every: 5, tasks: 300 } },
      };
      const model = await learn(run, modelOf(join(folder, "learnt")), seed, stage);
      const looks = eventsOf(run, "safetyChecked");
      // Unlike at the end, where it goes back to the best.
      const returned = looks.find(
        ({ returnedTo, found }) => returnedTo !== null && returnedTo < found.updates,
      );
      const worst = Math.max(...looks.map(({ found }) => 10 * found.violations.percent));
      const after = await measured("poisoned", folder, model);
      return { ...after, noticed: Number(returned !== undefined), worst };
    },
  },
];

function imitatedIn(folder: string): string {
  return join(folder, "imitated");
}

function modelOf(run: string): string {
  return join(run, "round-1/reasoner");
}

/**
 * The suite, driven greedily, and single decisions that are the same for every model, drawn by another seed than those that were
 * learnt from: how many violate in any of their futures, and what is right of what is said. Violations are per 1,000 decisions.
 */
async function measured(name: string, folder: string, model: string): Promise<Outcome> {
  const driven = await actInSuite(name, folder, model, {});
  const stage = { ...shared, environment: "driving" };
  const single = await act(join(folder, `single-${name}`), model, stage, { tasks: 300, seed: heldOutSeed });
  return {
    ...outcomeOf(driven),
    risky: 10 * (single.violations?.percent ?? Number.NaN),
    described: (single.understanding?.percent ?? Number.NaN) / 100,
  };
}

async function shielded(folder: string, model: string): Promise<Outcome> {
  const report = await actInSuite("shielded", folder, model, { shield: true });
  return { violations_shielded: outcomeOf(report).violations as number };
}

function actInSuite(name: string, folder: string, model: string, safety: object): Promise<ActingReport> {
  const environment = { name: "driving", options: { suite: true } };
  const stage = { ...shared, environment, maxTurns: 100, safety };
  return act(join(folder, `act-${name}`), model, stage, { tasks: suiteTasks });
}

function outcomeOf({ violations, meanReward }: ActingReport): Outcome {
  return { violations: 10 * (violations?.percent ?? Number.NaN), reward: meanReward };
}

/** Plays what follows decisions as fast as it can: decisions per second, and the share of all cores that was busy. */
export async function simulate(seconds: number): Promise<Figures> {
  const cores = availableParallelism();
  await using futures = new Futures(cores, 60_000);
  const options = { horizon: 8, futures: 32, seed: 0 };
  const worlds = Array.from({ length: 64 }, (_, i) => {
    const stream = new RandomStream(deriveSeed(0, "simulated", i));
    return worldOf(drawScenario(stream), stream);
  });
  await Promise.all(worlds.slice(0, cores).map((world) => futures.consequence(world, "keep", options)));
  const [started, used] = [steadyClock.now(), process.cpuUsage()];
  let done = 0;
  const play = async (): Promise<void> => {
    while (steadyClock.now() - started < 1000 * seconds) {
      const world = worlds[done % worlds.length];
      const decision = decisions[done++ % decisions.length];
      if (world && decision) await futures.consequence(world, decision, options);
    }
  };
  await Promise.all(Array.from({ length: 2 * cores }, play));
  const tookMs = steadyClock.now() - started;
  const { user, system } = process.cpuUsage(used);
  return {
    simulated_decisions: { value: (1000 * done) / tookMs, unit: "1/s" },
    simulated_futures: { value: (1000 * done * options.futures) / tookMs, unit: "1/s" },
    simulating_cores: { value: (user + system) / 1000 / tookMs / cores, unit: "share" },
  };
}

export function drivingFigures(plays: Plays, seeds: number): Figures {
  const mean = (name: string, figure: string) => plays.meanOf(name, figure, seeds);
  const perThousand = (value: number) => ({ value, unit: "per 1,000 decisions" });
  const share = (value: number) => ({ value, unit: "share" });
  const reward = (value: number) => ({ value, unit: "reward" });
  return {
    violations_before: perThousand(mean("imitated", "violations")),
    violations_after: perThousand(mean("learnt", "violations")),
    violations_shielded: perThousand(mean("learnt", "violations_shielded")),
    violations_summed: perThousand(mean("summed", "violations")),
    risky_before: perThousand(mean("imitated", "risky")),
    risky_after: perThousand(mean("learnt", "risky")),
    risky_summed: perThousand(mean("summed", "risky")),
    reward_before: reward(mean("imitated", "reward")),
    reward_after: reward(mean("learnt", "reward")),
    described_before: share(mean("imitated", "described")),
    described_paid: share(mean("described", "described")),
    described_unpaid: share(mean("undescribed", "described")),
    poison_noticed: share(mean("poisoned", "noticed")),
    violations_poisoned: perThousand(mean("poisoned", "worst")),
    violations_undone: perThousand(mean("poisoned", "violations")),
  };
}
