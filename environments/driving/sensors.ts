import {
  axleToMiddle,
  type Car,
  carLength,
  colourAt,
  frontX,
  type LightColour,
  limitAt,
  middleOf,
  middleX,
  type Sky,
  type World,
} from "./world.ts";

export const things = ["car", "person", "block"] as const;
export type ThingAhead = (typeof things)[number];
export const sides = ["free", "taken", "none"] as const;
export type Side = (typeof sides)[number];

/** What a car's instruments tell: the truth about what is around it, as far as it matters. */
export interface Sensed {
  readonly sky: Sky;
  /** m/s. */
  readonly speed: number;
  /** The lowest limit of the next metres, m/s. */
  readonly limit: number;
  /** The next light, and how far its stop line is from the front of the car. */
  readonly light: { readonly colour: LightColour; readonly distance: number } | null;
  /** The next thing in the lane, how far it is from the front of the car, and how fast it goes along. */
  readonly ahead: { readonly kind: ThingAhead; readonly distance: number; readonly speed: number } | null;
  /** Who, or what may hide someone, is beside the lane in front of the car, and how far they are from its front. */
  readonly beside: "person" | "parked" | "clear";
  readonly besideDistance: number;
  /** Whether the lanes beside can be changed to. */
  readonly left: Side;
  readonly right: Side;
}

/** Metres: how far lights, things in the lane, limits, and who is beside the lane are seen. */
const sight = { light: 60, ahead: 50, limit: 45, beside: 30 } as const;

export function sense(world: World): Sensed {
  const { sky, ego } = world;
  return {
    sky,
    speed: ego.speed,
    limit: Math.min(limitAt(world, middleX(ego)), limitAt(world, middleX(ego) + sight.limit)),
    light: lightAhead(world),
    ahead: thingAhead(world),
    ...besideLane(world),
    left: sideOf(world, ego.lane + 1),
    right: sideOf(world, ego.lane - 1),
  };
}

function lightAhead({ ego, lights, time }: World): Sensed["light"] {
  const next = lights
    .map((light) => ({ colour: colourAt(light, time), distance: light.x - frontX(ego) }))
    .filter(({ distance }) => distance > 0 && distance < sight.light)
    .sort((a, b) => a.distance - b.distance)[0];
  return next ?? null;
}

function thingAhead({ ego, cars, walkers, standing }: World): Sensed["ahead"] {
  const middle = middleOf(ego.lane);
  const front = frontX(ego);
  const found = [
    ...cars.map((car) => ({ kind: "car" as const, x: car.x - carLength / 2, y: car.y, speed: car.speed })),
    ...walkers.map(({ x, y }) => ({ kind: "person" as const, x, y, speed: 0 })),
    ...standing.map(({ x, y, kind }) =>
      kind === "block"
        ? { kind: "block" as const, x: x - 1, y, speed: 0 }
        : { kind: "car" as const, x: x - carLength / 2, y, speed: 0 },
    ),
  ].map(({ x, y, ...own }) => ({ ...own, y, distance: x - front }));
  const next = found
    .filter(({ y, distance, kind }) => {
      const isInLane = Math.abs(y - middle) < (kind === "person" ? 1.75 : 2.2);
      return isInLane && distance > -1 && distance < sight.ahead;
    })
    .sort((a, b) => a.distance - b.distance)[0];
  return next ? { kind: next.kind, distance: Math.max(0, next.distance), speed: next.speed } : null;
}

function besideLane({ ego, walkers, standing }: World): Pick<Sensed, "beside" | "besideDistance"> {
  const middle = middleOf(ego.lane);
  const distancesOf = (those: readonly Pick<Car, "x" | "y">[], lane: number): number[] =>
    those.flatMap(({ x, y }) => {
      const distance = x - frontX(ego);
      const aside = Math.abs(y - middle);
      return distance > -2 && distance < sight.beside && aside >= lane && aside < 5.5 ? [distance] : [];
    });
  const people = distancesOf(walkers, 1.75);
  if (people.length > 0) return { beside: "person", besideDistance: Math.min(...people) };
  const parked = distancesOf(
    standing.filter(({ kind }) => kind === "parked"),
    2.2,
  );
  if (parked.length > 0) return { beside: "parked", besideDistance: Math.min(...parked) };
  return { beside: "clear", besideDistance: sight.beside };
}

function sideOf({ ego, lanes, cars, standing }: World, lane: number): Side {
  const there = lanes[lane];
  if (!there) return "none";
  const middle = middleOf(lane);
  if (there.end !== null && there.end < ego.x + 45) return "taken";
  const isNear = ({ x, y }: Pick<Car, "x" | "y">, behind: number, before: number): boolean => {
    const along = x - ego.x - axleToMiddle;
    return Math.abs(y - middle) < 2.2 && along > -behind && along < before;
  };
  const isTaken =
    cars.some((car) => isNear(car, 12 + 1.5 * Math.max(0, car.speed - ego.speed), 14)) ||
    standing.some((each) => isNear(each, 4, 30));
  return isTaken ? "taken" : "free";
}
