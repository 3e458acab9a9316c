import { deriveSeed, RandomStream } from "../../common/random.ts";
import { type Costs, isForbidden } from "../../rewards/constraints.ts";
import { type Environment, EnvironmentFault, type Outcome, type Start } from "../../training/environment.ts";
import { photograph } from "./camera.ts";
import { drivingConstraints } from "./constraints.ts";
import { type Decision, decisions } from "./control.ts";
import { drawScenario } from "./draw.ts";
import { decide } from "./driver.ts";
import { brakedCosts, type Consequence, costsOf, partsOf } from "./futures.ts";
import { Futures } from "./futures_pool.ts";
import type { DrivingOptions } from "./options.ts";
import { type Scenario, worldOf } from "./scenario.ts";
import { readScenarios } from "./scenario_files.ts";
import { sense } from "./sensors.ts";
import { drive } from "./simulate.ts";
import { decisionIn, matching, question, reply } from "./words.ts";
import type { World } from "./world.ts";

/** Where a drive stands. */
interface DriveState {
  readonly world: World;
  readonly seed: number;
  /** How many decisions were made, and whether all of them kept the constraints. */
  readonly decision: number;
  readonly isKept: boolean;
  /** What the driver would decide here, for others to imitate. */
  readonly shown: Decision;
}

/** Weight of a description that the sensors confirm, by the share of what it says right. */
const matchWeight = 0.3;

/** What nobody who reads no decision does. */
const unread: Decision = "keep";

export interface OpenDriving {
  readonly options: DrivingOptions;
  /** A folder of scenarios; null for the package's own. */
  readonly folder: string | null;
  /** Tasks to learn from. */
  readonly tasks: number;
  readonly threads: number;
  readonly timeLimitMs: number;
}

/**
 * Driving in a simulator: what a camera sees is described, and something is decided. A task is one decision, worth what follows it;
 * its suite are whole drives. Throws as `readScenarios`.
 */
export async function openDriving({
  options,
  folder,
  tasks,
  threads,
  timeLimitMs,
}: OpenDriving): Promise<Environment> {
  const scenarios = await readScenarios(folder);
  const suite = suiteOf(scenarios, options);
  if (options.suite) return suite;
  const futures = new Futures(threads, timeLimitMs);
  return {
    ...shared,
    name: "driving",
    tasks,
    suite,
    async reset(task, { seed }) {
      const stream = new RandomStream(deriveSeed(seed, "driving", task));
      const isEdge = stream.uniform() < options.edgeShare;
      const scenario = isEdge ? stream.pick(scenarios) : drawScenario(stream);
      const world = await onTheWay(worldOf(scenario, stream), stream);
      const careless = stream.uniform() < options.careless;
      const shown = careless ? stream.pick(decisions) : decide(sense(world));
      return startOf(scenario.name, {
        world,
        seed: deriveSeed(seed, "drive", task),
        decision: 0,
        isKept: true,
        shown,
      });
    },
    async step(given, { text, finishReason }, signal): Promise<Outcome> {
      const { world, seed } = given as DriveState;
      const decision = decisionIn(text, finishReason === "length");
      const { horizon, futures: count } = options;
      const how = { horizon, futures: count, seed };
      const { parts, costs } = await futures.consequence(world, decision ?? unread, how, signal);
      requireFinite(parts);
      const matches = matchWeight * matching(text, sense(world));
      const isKept = !isForbidden(costs, drivingConstraints);
      return {
        turns: null,
        parts: decision === null ? { matches } : { ...parts, matches },
        costs,
        success: isKept && decision !== null,
      };
    },
    [Symbol.asyncDispose]: () => futures[Symbol.asyncDispose](),
  };
}

/** Whole drives through scenarios, each as written first and then varied; decision by decision, each by its own picture alone. */
function suiteOf(scenarios: readonly Scenario[], options: DrivingOptions): Environment {
  const length = scenarios.length * options.variations;
  return {
    ...shared,
    name: "driving: scenarios",
    tasks: length,
    async reset(task) {
      const variation = Math.floor(task / scenarios.length);
      const scenario = scenarios[task % scenarios.length] as Scenario;
      const seed = deriveSeed(variation, "suite", task);
      const world = worldOf(scenario, variation === 0 ? null : new RandomStream(seed));
      return startOf(scenario.name, { world, seed, decision: 0, isKept: true, shown: decide(sense(world)) });
    },
    async step(given, { text, finishReason }): Promise<Outcome> {
      const state = given as DriveState;
      const said = decisionIn(text, finishReason === "length");
      const driven = drive(state.world, said ?? unread);
      const parts = partsOf(state.world, driven);
      requireFinite(parts);
      const matches = matchWeight * matching(text, sense(state.world));
      const costs = costsOf(driven.incidents);
      const outcome = { parts: { ...parts, matches }, costs };
      const isKept = state.isKept && !isForbidden(costs, drivingConstraints);
      const decision = state.decision + 1;
      const { world } = driven;
      if (driven.incidents.touches || world.ego.x > world.goal || decision === options.decisions)
        return { ...outcome, turns: null, success: isKept };
      const next = { ...state, world, decision, isKept, shown: decide(sense(world)) };
      return { ...outcome, turns: await look(next), state: next, alone: true };
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** What tasks and suite have in common. */
const shared = {
  constraints: drivingConstraints,
  async demonstrate(given: unknown): Promise<string> {
    const { world, shown } = given as DriveState;
    return reply(sense(world), shown);
  },
  async understanding(given: unknown, text: string): Promise<number> {
    return matching(text, sense((given as DriveState).world));
  },
  async foresee(given: unknown, { text }: { readonly text: string }): Promise<Costs> {
    return brakedCosts((given as DriveState).world, decisionIn(text) ?? unread);
  },
  async fallback(given: unknown): Promise<string> {
    return reply(sense((given as DriveState).world), "brake");
  },
};

async function startOf(name: string, state: DriveState): Promise<Start> {
  const sensed = sense(state.world);
  return {
    turns: await look(state),
    state,
    name,
    question: question(sensed),
    label: reply(sensed, decide(sensed)),
    file: null,
  };
}

/** The picture of a moment, and what is asked beside it. */
async function look({ world, seed, decision }: DriveState): Promise<Start["turns"]> {
  const picture = await photograph(world, deriveSeed(seed, "picture", decision));
  return [{ role: "user", parts: [picture, question(sense(world))] }];
}

/** A moment of a drive by a driver who now and then decides at random, as long as braking keeps all constraints. */
async function onTheWay(start: World, stream: RandomStream): Promise<World> {
  let world = start;
  for (let seconds = stream.integer(10); seconds > 0; seconds--) {
    const random = stream.uniform() < 0.3 ? stream.pick(decisions) : null;
    const isSafe = random !== null && !isForbidden(brakedCosts(world, random), drivingConstraints);
    const next = drive(world, isSafe ? random : decide(sense(world)));
    if (next.incidents.touches || isForbidden(brakedCosts(next.world, "brake"), drivingConstraints)) break;
    world = next.world;
  }
  return world;
}

/** Throws an `EnvironmentFault` where the simulator left its numbers. */
function requireFinite(parts: Consequence["parts"]): void {
  const bad = Object.entries(parts).find(([, value]) => !Number.isFinite(value));
  if (bad)
    throw new EnvironmentFault(
      "nonsense",
      `the driving simulator gave ${bad[0]} ${bad[1]}, expected a finite number`,
    );
}
