import type { RandomStream } from "../../common/random.ts";

/** From, to. */
export type Range = readonly [number, number];

/** What differs from one world to another, and from one task to the next; and the least and the most that each can be. */
export const knobs = {
  /** How bright it is, as a share of full light. */
  light: { least: 0.1, most: 2 },
  /** How far red, green and blue may be off, as a share of full intensity. */
  cast: { least: 0, most: 0.5 },
  /** How strong the pattern of the table is. */
  texture: { least: 0, most: 1 },
  /** How far the paint of a thing may be off its colour, as a share of full intensity. */
  colour: { least: 0, most: 0.3 },
  /** How far a thing may lie from the middle of its cell, in cells. */
  position: { least: 0, most: 0.16 },
  /** How far the camera leans out of the vertical, in degrees. */
  tilt: { least: -45, most: 45 },
  /** How far it is turned, in degrees. */
  turn: { least: -45, most: 45 },
  /** How far its middle is off the table's, in cells. */
  shift: { least: -1, most: 1 },
  /** Coefficient between things, and between them and the table. */
  friction: { least: 0.01, most: 2 },
  /** Until the hand does what its controller says, in seconds. */
  latency: { least: 0, most: 1 },
  /** Standard deviation of the camera's noise, as a share of full intensity. */
  noise: { least: 0, most: 0.5 },
  /** How far the controller may be off in where a thing is, in cells. */
  touch: { least: 0, most: 0.3 },
} as const;
export type Knob = keyof typeof knobs;

export const knobNames = Object.keys(knobs) as readonly Knob[];

/** What a table may be covered with. */
export type Pattern = "stripes" | "blots" | "checks";

/** A world as one task has it. */
export interface World extends Readonly<Record<Knob, number>> {
  readonly pattern: Pattern;
  /** How bright the table is by itself. */
  readonly table: number;
}

/** A world as it is in the middle, and how far tasks may depart from that. */
interface WorldModel {
  readonly usual: Readonly<Record<Knob, number>>;
  readonly ranges: Readonly<Record<Knob, Range>>;
  readonly patterns: readonly Pattern[];
  readonly table: Range;
}

export const worldNames = ["simulation", "target", "real"] as const;
export type WorldName = (typeof worldNames)[number];

/**
 * The worlds. `simulation` is a clean one with broad ranges; `target` is what is known of where the robot is to work; `real`
 * stands for that place itself: another pattern, a darker and warmer light, a camera that hangs askew, less friction and more
 * delay than its simulation says. It is a simulation, too.
 */
export const worlds: Readonly<Record<WorldName, WorldModel>> = {
  simulation: {
    usual: {
      ...{ light: 1, cast: 0, texture: 0, colour: 0.02, position: 0.05, tilt: 0, turn: 0, shift: 0 },
      ...{ friction: 0.6, latency: 0, noise: 0.02, touch: 0 },
    },
    ranges: {
      ...{ light: [0.4, 1.15], cast: [0, 0.15], texture: [0, 1], colour: [0, 0.12], position: [0, 0.16] },
      ...{ tilt: [-14, 14], turn: [-8, 8], shift: [-0.3, 0.3], friction: [0.15, 0.9], latency: [0, 0.12] },
      ...{ noise: [0, 0.1], touch: [0, 0.08] },
    },
    patterns: ["stripes", "blots"],
    table: [0.3, 1],
  },
  target: {
    usual: {
      ...{ light: 0.8, cast: 0.05, texture: 0.4, colour: 0.05, position: 0.1, tilt: 5, turn: 0, shift: 0 },
      ...{ friction: 0.4, latency: 0.04, noise: 0.04, touch: 0.03 },
    },
    ranges: {
      ...{
        light: [0.65, 0.95],
        cast: [0, 0.08],
        texture: [0.2, 0.6],
        colour: [0, 0.08],
        position: [0, 0.14],
      },
      ...{ tilt: [2, 8], turn: [-3, 3], shift: [-0.1, 0.1], friction: [0.3, 0.5], latency: [0.02, 0.06] },
      ...{ noise: [0.02, 0.06], touch: [0, 0.05] },
    },
    patterns: ["stripes"],
    table: [0.65, 0.75],
  },
  real: {
    usual: {
      ...{ light: 0.6, cast: 0.1, texture: 0.7, colour: 0.08, position: 0.12, tilt: 9, turn: 3, shift: 0.15 },
      ...{ friction: 0.25, latency: 0.08, noise: 0.07, touch: 0.05 },
    },
    ranges: {
      ...{ light: [0.5, 0.7], cast: [0.08, 0.12], texture: [0.6, 0.8], colour: [0.04, 0.1] },
      ...{ position: [0.05, 0.15], tilt: [7, 11], turn: [1, 5], shift: [0.05, 0.25], friction: [0.2, 0.3] },
      ...{ latency: [0.06, 0.1], noise: [0.05, 0.09], touch: [0.03, 0.07] },
    },
    patterns: ["checks"],
    table: [0.5, 0.6],
  },
};

/**
 * A world for one task: each knob is drawn from its range, those of `own` in place of the world's, drawn together towards
 * what is usual there; `spread` 0 is just that, and 1 all of the range.
 */
export function drawWorld(
  name: WorldName,
  own: Readonly<Partial<Record<Knob, Range>>>,
  spread: number,
  stream: RandomStream,
): World {
  const { usual, ranges, patterns, table } = worlds[name];
  const drawn = knobNames.map((knob) => {
    const [low, high] = own[knob] ?? ranges[knob];
    const value = stream.between(low, high);
    return [knob, usual[knob] + spread * (value - usual[knob])] as const;
  });
  const [dark, bright] = table;
  const plain = name === "simulation" ? bright - 0.1 : (dark + bright) / 2;
  return {
    ...(Object.fromEntries(drawn) as Record<Knob, number>),
    table: plain + spread * (stream.between(dark, bright) - plain),
    pattern: stream.pick(patterns),
  };
}
