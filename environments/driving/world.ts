/** The world of the driving simulator, all of it plain data: metres, seconds, radians. x runs along the road, y to the left. */

export const skies = ["clear", "rain", "fog", "night", "glare"] as const;
/** Weather and light. */
export type Sky = (typeof skies)[number];

export const lightColours = ["green", "yellow", "red"] as const;
export type LightColour = (typeof lightColours)[number];

/** A lane; lane 0 is the rightmost, and its middle lies at y = 0. */
export interface Lane {
  /** Where it ends; null where it does not. */
  readonly end: number | null;
}

/** The car that is driven, by the middle of its rear axle. */
export interface Ego {
  readonly x: number;
  readonly y: number;
  readonly heading: number;
  readonly speed: number;
  readonly acceleration: number;
  /** The lane that it steers for. */
  readonly lane: number;
}

/** Another car. */
export interface Car {
  readonly x: number;
  readonly y: number;
  readonly speed: number;
  /** What it drives where nothing is in its way. */
  readonly wanted: number;
  readonly lane: number;
  /** It changes to a lane once the car that is driven is nearer than `gap` behind it. */
  readonly cutIn: { readonly lane: number; readonly gap: number } | null;
  /** It brakes to a stop once the car that is driven is nearer than this behind it. */
  readonly stopsAt: number | null;
  readonly isStopping: boolean;
}

/** Someone on foot. */
export interface Walker {
  readonly x: number;
  readonly y: number;
  /** Where they walk to, and how fast. */
  readonly to: number;
  readonly speed: number;
  /** They set out once the car that is driven is nearer than this. */
  readonly startsAt: number;
  readonly isWalking: boolean;
}

/** A traffic light over a stop line. */
export interface Light {
  readonly x: number;
  /** What it shows from the beginning on, and for how long; it begins anew after the last. */
  readonly phases: readonly { readonly colour: LightColour; readonly seconds: number }[];
  /** A light beside it that is for others, and what it always shows; null where there is none. */
  readonly other: LightColour | null;
}

/** Something that stands: a car beside the road or in a lane, or what blocks one. */
export interface Standing {
  readonly x: number;
  readonly y: number;
  readonly kind: "parked" | "block";
}

/** A speed limit from some place on, m/s. */
export interface Limit {
  readonly from: number;
  readonly speed: number;
}

export interface World {
  readonly time: number;
  readonly sky: Sky;
  readonly lanes: readonly Lane[];
  readonly limits: readonly Limit[];
  readonly ego: Ego;
  readonly cars: readonly Car[];
  readonly walkers: readonly Walker[];
  readonly lights: readonly Light[];
  readonly standing: readonly Standing[];
  /** Where the drive is to end. */
  readonly goal: number;
  /** How well tyres hold: 1 on a dry road. */
  readonly grip: number;
}

export const laneWidth = 3.5;
export const carLength = 4.4;
export const carWidth = 1.8;
/** From the middle of a car's rear axle to its middle, and between its axles. */
export const axleToMiddle = 1.3;
export const wheelbase = 2.6;
export const walkerRadius = 0.35;
/** The light hangs so far behind its stop line. */
export const lightBehindLine = 12;

/** The hardest braking on a dry road, m/s². */
export const hardestBraking = 7;

const gripOf: Readonly<Record<Sky, number>> = { clear: 1, night: 1, glare: 1, fog: 0.9, rain: 0.75 };

export function usualGrip(sky: Sky): number {
  return gripOf[sky];
}

/** The middle of a lane. */
export function middleOf(lane: number): number {
  return lane * laneWidth;
}

/** What a light shows. */
export function colourAt({ phases }: Pick<Light, "phases">, time: number): LightColour {
  const whole = phases.reduce((sum, { seconds }) => sum + seconds, 0);
  let rest = time % whole;
  for (const { colour, seconds } of phases) {
    if (rest < seconds) return colour;
    rest -= seconds;
  }
  return (phases.at(-1) as Light["phases"][number]).colour;
}

/** The limit at a place, m/s. */
export function limitAt({ limits }: Pick<World, "limits">, x: number): number {
  return limits.reduce((speed, limit) => (x >= limit.from ? limit.speed : speed), limits[0]?.speed ?? 0);
}

/** The middle of the car that is driven, and its front. */
export function middleX({ x, heading }: Ego): number {
  return x + axleToMiddle * Math.cos(heading);
}

export function frontX({ x }: Ego): number {
  return x + axleToMiddle + carLength / 2;
}
