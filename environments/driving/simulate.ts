import { accelerationOf, controlsFor, type Decision, laneAfter, moveBicycle } from "./control.ts";
import { type Incidents, incidentsOf, noIncidents, worst } from "./risk.ts";
import { moveCar, moveWalker } from "./traffic.ts";
import { type Ego, middleOf, type World } from "./world.ts";

/** Seconds from one state to the next, and ticks to a decision: one decision a second. */
export const tick = 0.2;
export const ticksPerDecision = 5;

/** How a stretch was driven. */
export interface Driven {
  readonly world: World;
  readonly incidents: Incidents;
  /** Means over its ticks: whether it moved, how far it was from the middle of its lane (m), how far it came along (m/s). */
  readonly moving: number;
  readonly aside: number;
  readonly progress: number;
  /** Change of acceleration at its beginning, m/s³ over a second. */
  readonly jerk: number;
}

/** Drives on for some ticks as a decision says; of a change of lanes, the new lane is the one to be in the middle of. */
export function drive(world: World, decision: Decision, ticks: number = ticksPerDecision): Driven {
  const asked = accelerationOf(decision);
  const lane = laneAfter(decision, world);
  let now: World = { ...world, ego: { ...world.ego, lane } };
  let incidents = noIncidents;
  let [moving, aside] = [0, 0];
  for (let i = 0; i < ticks; i++) {
    const next = advance(now, asked);
    incidents = worst(incidents, incidentsOf(now, next));
    moving += Number(next.ego.speed > 0.5) / ticks;
    aside += asideOf(next.ego) / ticks;
    now = next;
  }
  const progress = (now.ego.x - world.ego.x) / (ticks * tick);
  return {
    world: now,
    incidents,
    moving,
    aside,
    progress,
    jerk: now.ego.acceleration - world.ego.acceleration,
  };
}

/** The world a tick later. */
function advance(world: World, asked: number): World {
  const { ego, cars, walkers, time, grip } = world;
  const isStanding = ego.speed === 0 && asked < 0;
  const moved = moveBicycle(ego, controlsFor(ego, isStanding ? 0 : asked, grip), tick);
  return {
    ...world,
    time: time + tick,
    ego: moved,
    cars: cars.map((car) => moveCar(car, world, tick)),
    walkers: walkers.map((walker) => moveWalker(walker, world, tick)),
  };
}

function asideOf({ y, lane }: Ego): number {
  return Math.abs(y - middleOf(lane));
}
