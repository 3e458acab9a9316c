import { deriveSeed, type RandomStream } from "../../common/random.ts";
import {
  type Cell,
  type Color,
  cells,
  colors,
  columnOf,
  type Rgb,
  rowOf,
  type Shape,
  shapes,
} from "../../images/scenes/scene.ts";
import type { World } from "./world.ts";

/** Cells on a side of the table; lengths are in cells, and one is 0.1 m. The far left corner is (0, 0). */
export const tableCells = 4;

/** Half the width of a thing. */
export const thingRadius = 0.33;

/** A thing that lies on the table. */
export interface Thing {
  readonly color: Color;
  readonly shape: Shape;
  /** Where its middle is: to the right, and towards the robot. */
  readonly x: number;
  readonly y: number;
  /** How it is turned about the vertical, radians. */
  readonly angle: number;
  readonly paint: Rgb;
}

/** Whence the hand comes, and where to a thing is pushed. */
export const sides = ["left", "right", "above", "below"] as const;
export type Side = (typeof sides)[number];

/** From the middle of the table to a side. */
export const directions: Readonly<Record<Side, readonly [x: number, y: number]>> = {
  left: [-1, 0],
  right: [1, 0],
  above: [0, -1],
  below: [0, 1],
};

export const opposite: Readonly<Record<Side, Side>> = {
  left: "right",
  right: "left",
  above: "below",
  below: "above",
};

/** What is to be done with one thing: to point at it, to touch it, or to push it somewhat to a side; and nothing else is to be touched. */
export type Goal =
  | { readonly verb: "find" | "reach"; readonly target: number }
  | { readonly verb: "push"; readonly target: number; readonly to: Side };

/** A table as it lies before the robot. */
export interface Table {
  readonly world: World;
  readonly things: readonly Thing[];
  readonly goal: Goal;
  /** Of what is drawn while it is worked on. */
  readonly seed: number;
}

/** Things on a table. */
const fewest = 4;
const most = 6;

/** How often each is asked for. */
const verbs = ["find", "reach", "reach", "push"] as const;

/** Draws a table with a goal that can be reached. */
export function drawTable(world: World, stream: RandomStream): Table {
  for (;;) {
    const things = drawThings(world, stream);
    const goal = drawGoal(things, stream);
    if (goal) return { world, things, goal, seed: deriveSeed(stream.seed, "work", stream.drawn) };
  }
}

/** Things of different kinds in cells of their own. */
function drawThings(world: World, stream: RandomStream): Thing[] {
  const taken = stream
    .shuffle(cells)
    .slice(0, fewest + stream.integer(most - fewest + 1))
    .sort();
  const kinds = stream.shuffle(colors.flatMap((color) => shapes.map((shape) => ({ color, shape }))));
  const off = (amount: number) => stream.between(-amount, amount);
  return taken.map((cell, i) => {
    const { color, shape } = kinds[i] as (typeof kinds)[number];
    const { position, colour } = world;
    return {
      ...{ color, shape },
      x: columnOf(cell) + 0.5 + off(position),
      y: rowOf(cell) + 0.5 + off(position),
      angle: off(0.2),
      paint: [off(colour), off(colour), off(colour)],
    };
  });
}

/** A goal for one of the things; null where none can be reached. */
function drawGoal(things: readonly Thing[], stream: RandomStream): Goal | null {
  const verb = stream.pick(verbs);
  const target = stream.integer(things.length);
  if (verb === "find") return { verb, target };
  const free = sides.filter((side) => isFree(things, target, side));
  if (verb === "reach") return free.length > 0 ? { verb, target } : null;
  const ways = sides.filter((to) => free.includes(opposite[to]) && room(things, target, to) >= 2);
  return ways.length > 0 ? { verb, target, to: stream.pick(ways) } : null;
}

/** Whether nothing lies between a thing and a side of the table. */
export function isFree(things: readonly Thing[], target: number, side: Side): boolean {
  return room(things, target, side) === Number.POSITIVE_INFINITY;
}

/** Cells from a thing to the next one towards a side; infinite where there is none. */
export function room(things: readonly Thing[], target: number, side: Side): number {
  const own = cellOf(things[target] as Thing);
  const [x, y] = directions[side];
  const distances = things.flatMap((thing, i) => {
    if (i === target) return [];
    const cell = cellOf(thing);
    const [across, down] = [columnOf(cell) - columnOf(own), rowOf(cell) - rowOf(own)];
    const ahead = across * x + down * y;
    return ahead > 0 && across * y === 0 && down * x === 0 ? [ahead] : [];
  });
  return Math.min(Number.POSITIVE_INFINITY, ...distances);
}

/** The cell in which a thing lies; the nearest one where it lies beside the table's cells. */
export function cellOf({ x, y }: Pick<Thing, "x" | "y">): Cell {
  const quarter = (value: number) => Math.min(tableCells - 1, Math.max(0, Math.floor(value)));
  return `p${quarter(y)}${quarter(x)}` as Cell;
}

/** A goal in words: "reach red circle". */
export function goalText({ things, goal }: Pick<Table, "things" | "goal">): string {
  const { color, shape } = things[goal.target] as Thing;
  const kind = `${color} ${shape}`;
  if (goal.verb === "find") return `where is ${kind} ?`;
  return goal.verb === "push" ? `push ${kind} ${goal.to}` : `reach ${kind}`;
}
