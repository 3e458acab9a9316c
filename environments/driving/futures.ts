import { deriveSeed, RandomStream } from "../../common/random.ts";
import type { Costs } from "../../rewards/constraints.ts";
import type { Decision } from "./control.ts";
import { decide } from "./driver.ts";
import { type Incidents, noIncidents, riskLimit, worst } from "./risk.ts";
import { sense } from "./sensors.ts";
import { type Driven, drive, tick, ticksPerDecision } from "./simulate.ts";
import { limitAt, middleX, type World } from "./world.ts";

/** How what follows a decision is played. */
export interface FutureOptions {
  /** Seconds, the decision's own one included. */
  readonly horizon: number;
  /** K: how often, each time with others who behave a little otherwise. */
  readonly futures: number;
  readonly seed: number;
}

/** What a decision leads to: means over its futures, and the share of futures that violate. */
export interface Consequence {
  /** Parts of the reward, in its own units, summed over the seconds of a future. */
  readonly parts: {
    readonly jerk: number;
    readonly lane: number;
    readonly moving: number;
    readonly goal: number;
  };
  readonly costs: Costs;
}

/** The reward's weights, per second: |jerk| (m/s³), distance from the middle of the lane (m), and shares of 1. */
const weights = { jerk: -0.1, lane: -0.05, moving: 0.1, goal: 0.2 } as const;

/**
 * What follows a decision under K perturbations: the decision is driven for a second, then, after a driver's reaction, he goes on.
 * The same K for every decision of a state, so that decisions are compared under the same luck.
 */
export function consequenceOf(world: World, decision: Decision, options: FutureOptions): Consequence {
  const { horizon, futures, seed } = options;
  const parts = { jerk: 0, lane: 0, moving: 0, goal: 0 };
  const costs = { collision: 0, redLight: 0, speeding: 0 };
  for (let k = 0; k < futures; k++) {
    const stream = new RandomStream(deriveSeed(seed, "future", k));
    const reaction = stream.integer(ticksPerDecision + 1);
    let [now, incidents] = [perturb(world, stream), noIncidents];
    for (let second = 0; second < horizon; second++) {
      const driven = second === 0 ? drive(now, decision) : goOn(now, decision, second === 1 ? reaction : 0);
      incidents = worst(incidents, driven.incidents);
      const earned = partsOf(now, driven);
      for (const name of ["jerk", "lane", "moving", "goal"] as const) parts[name] += earned[name] / futures;
      now = driven.world;
      if (driven.incidents.touches) break;
    }
    const own = costsOf(incidents);
    for (const name of ["collision", "redLight", "speeding"] as const) costs[name] += own[name] / futures;
  }
  return { parts, costs };
}

/** What a stretch earned, its description aside. */
export function partsOf(before: World, { jerk, aside, moving, progress }: Driven): Consequence["parts"] {
  const possible = limitAt(before, middleX(before.ego));
  return {
    jerk: weights.jerk * Math.abs(jerk),
    lane: weights.lane * aside,
    moving: weights.moving * moving,
    goal: weights.goal * Math.min(1, Math.max(0, progress / possible)),
  };
}

/** Which constraints incidents violate: 1 or 0 each. */
export function costsOf({
  risk,
  redLight,
  speeding,
}: Incidents): Record<"collision" | "redLight" | "speeding", number> {
  return { collision: Number(risk > riskLimit), redLight: Number(redLight), speeding: Number(speeding) };
}

/** The costs of a decision that is braked after to a standstill. */
export function brakedCosts(world: World, decision: Decision, most = 8): Costs {
  let { world: now, incidents } = drive(world, decision);
  for (let second = 1; second < most && (now.ego.speed > 0 || second < 3); second++) {
    const driven = drive(now, "brake");
    incidents = worst(incidents, driven.incidents);
    now = driven.world;
  }
  return costsOf(incidents);
}

/** A second in which the driver goes on, for its first ticks still with what was decided before. */
function goOn(world: World, before: Decision, ticks: number): Driven {
  const held = before === "left" || before === "right" ? "keep" : before;
  if (ticks === 0) return drive(world, decide(sense(world)));
  const first = drive(world, held, ticks);
  if (ticks === ticksPerDecision) return first;
  const rest = drive(first.world, decide(sense(first.world)), ticksPerDecision - ticks);
  const share = ticks / ticksPerDecision;
  const mix = (a: number, b: number): number => share * a + (1 - share) * b;
  return {
    world: rest.world,
    incidents: worst(first.incidents, rest.incidents),
    moving: mix(first.moving, rest.moving),
    aside: mix(first.aside, rest.aside),
    progress: (rest.world.ego.x - world.ego.x) / (ticksPerDecision * tick),
    jerk: Math.abs(first.jerk) + Math.abs(rest.jerk),
  };
}

/** Others a little faster or slower, who set out, cut in and stop a little earlier or later, on a road that holds a little less. */
function perturb(world: World, stream: RandomStream): World {
  const vary = (value: number, share: number): number => value * stream.between(1 - share, 1 + share);
  return {
    ...world,
    grip: world.grip * stream.between(0.85, 1),
    cars: world.cars.map((car) => ({
      ...car,
      wanted: vary(car.wanted, 0.15),
      cutIn: car.cutIn && { ...car.cutIn, gap: vary(car.cutIn.gap, 0.25) },
      stopsAt: car.stopsAt === null ? null : vary(car.stopsAt, 0.25),
    })),
    walkers: world.walkers.map((walker) => ({
      ...walker,
      speed: vary(walker.speed, 0.2),
      startsAt: vary(walker.startsAt, 0.2),
    })),
  };
}
