import { type Cell, cells } from "../../images/scenes/scene.ts";
import { cellOf, isFree, opposite, type Side, sides, type Table, type Thing } from "./table.ts";

/** What the hand is to do: go to a cell from a side, along its row or column; without a side, point at it from above. */
export interface Plan {
  readonly cell: Cell;
  readonly from: Side | null;
}

/** A plan in words, such as "p12 left": the first cell and the first side in it count. Null where it names no cell. */
export function parsePlan(text: string): Plan | null {
  const words = text.toLowerCase().match(/[a-z]+\d*/g) ?? [];
  const cell = first(cells, words);
  return cell && { cell, from: first(sides, words) };
}

/** The first of some words that is one of those that are known. */
function first<T extends string>(known: readonly T[], words: readonly string[]): T | null {
  return words.find((word): word is T => (known as readonly string[]).includes(word)) ?? null;
}

export function planText({ cell, from }: Plan): string {
  return from === null ? cell : `${cell} ${from}`;
}

/** A plan that reaches a table's goal, by the first side that is free. */
export function goodPlan({ things, goal }: Table): Plan {
  const cell = cellOf(things[goal.target] as Thing);
  if (goal.verb === "find") return { cell, from: null };
  if (goal.verb === "push") return { cell, from: opposite[goal.to] };
  return { cell, from: sides.find((side) => isFree(things, goal.target, side)) ?? null };
}

/**
 * What one has to see for that, in words: the thing and its cell, and, where the hand is to come from a side, the cells of
 * what lies in the same row or column: "red circle p12 p10 p32".
 */
export function evidence({ things, goal }: Table): string {
  const { color, shape, ...place } = things[goal.target] as Thing;
  const own = cellOf(place);
  const beside = things
    .map(cellOf)
    .filter((cell) => cell !== own && (cell[1] === own[1] || cell[2] === own[2]));
  return [color, shape, own, ...(goal.verb === "reach" ? beside : [])].join(" ");
}
