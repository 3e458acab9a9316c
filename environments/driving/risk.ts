import {
  carLength,
  carWidth,
  colourAt,
  frontX,
  hardestBraking,
  laneWidth,
  limitAt,
  middleOf,
  middleX,
  type World,
  walkerRadius,
} from "./world.ts";

/** What must not happen: nearly colliding, or worse; a red light; more than the limit. */
export interface Incidents {
  /** How near a collision is, 0 to 1: the braking that would still prevent it, as a share of the hardest; 1 where there is one. */
  readonly risk: number;
  /** Whether the car touches something. */
  readonly touches: boolean;
  readonly redLight: boolean;
  readonly speeding: boolean;
}

/** A risk above this violates. */
export const riskLimit = 0.8;
/** Over the limit by less is not over it, m/s. */
const tolerance = 1.5;

/** Something that can be run into: its middle, how fast it goes along, half its length and half its width. */
interface Thing {
  readonly x: number;
  readonly y: number;
  readonly speed: number;
  readonly half: number;
  readonly wide: number;
  /** Where it walks to, and how fast; null for what does not. */
  readonly walk: { readonly to: number; readonly speed: number } | null;
}

/** What happened from one moment to the next, a tick later. */
export function incidentsOf(before: World, world: World): Incidents {
  const { ego, lights } = world;
  let risk = 0;
  let touches = false;
  for (const thing of thingsIn(world)) {
    if (touchesThing(world, thing)) touches = true;
    risk = Math.max(risk, riskOf(world, thing));
  }
  const redLight = lights.some(
    ({ x, ...light }) => frontX(before.ego) <= x && frontX(ego) > x && colourAt(light, before.time) === "red",
  );
  const speeding = ego.speed > limitAt(world, middleX(ego)) + tolerance;
  return { risk: touches ? 1 : risk, touches, redLight, speeding };
}

/** The worst of incidents one after the other. */
export function worst(a: Incidents, b: Incidents): Incidents {
  return {
    risk: Math.max(a.risk, b.risk),
    touches: a.touches || b.touches,
    redLight: a.redLight || b.redLight,
    speeding: a.speeding || b.speeding,
  };
}

export const noIncidents: Incidents = { risk: 0, touches: false, redLight: false, speeding: false };

function* thingsIn({ cars, walkers, standing }: World): Generator<Thing> {
  for (const { x, y, speed } of cars)
    yield { x, y, speed, half: carLength / 2, wide: carWidth / 2, walk: null };
  for (const { x, y, to, speed, isWalking } of walkers) {
    const walk = isWalking && y !== to ? { to, speed } : null;
    yield { x, y, speed: 0, half: walkerRadius, wide: walkerRadius, walk };
  }
  for (const { x, y, kind } of standing) {
    const half = kind === "block" ? 1 : carLength / 2;
    yield { x, y, speed: 0, half, wide: kind === "block" ? 1.2 : carWidth / 2, walk: null };
  }
}

/** Who stands still, or is run into from behind in the middle of a lane, is not at fault. */
function touchesThing({ ego, lanes }: World, { x, y, speed, half, wide }: Thing): boolean {
  if (ego.speed < 0.3) return false;
  const along = x - middleX(ego);
  if (Math.abs(along) >= carLength / 2 + half || Math.abs(y - ego.y) >= carWidth / 2 + wide) return false;
  const nearest = Math.min(lanes.length - 1, Math.max(0, Math.round(ego.y / laneWidth)));
  const isInLane = Math.abs(ego.y - middleOf(nearest)) < 0.5;
  return !(along < -1 && speed > ego.speed && isInLane);
}

/** The braking that just prevents a collision, (Δv)² / (2 d), over the hardest that the road allows. */
function riskOf({ ego, grip }: World, { x, y, speed, half, wide, walk }: Thing): number {
  const distance = x - middleX(ego) - carLength / 2 - half;
  const closing = ego.speed - speed;
  if (distance < -carLength - 2 * half || closing <= 0) return 0;
  const corridor = carWidth / 2 + wide + 0.25;
  const seconds = Math.max(0, distance) / Math.max(1, closing);
  if (distance <= 0) return 0;
  const then = ego.y + ego.speed * Math.sin(ego.heading) * Math.min(seconds, 2);
  const goes = walk ? Math.sign(walk.to - y) * Math.min(Math.abs(walk.to - y), walk.speed * seconds) : 0;
  const [low, high] = goes < 0 ? [y + goes, y] : [y, y + goes];
  const isInTheWay =
    Math.abs(y + goes - then) < corridor ||
    Math.abs(y - ego.y) < corridor - 0.2 ||
    (walk !== null && low < then + carWidth / 2 && high > then - carWidth / 2 && seconds < 1.5);
  if (!isInTheWay) return 0;
  return Math.min(1, closing ** 2 / (2 * Math.max(0.2, distance - 0.3)) / (hardestBraking * grip));
}
