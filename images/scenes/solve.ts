import { isOfKind, type Kind, type SceneQuestion, type Side } from "./questions.ts";
import { type Cell, columnOf, type Layout, rowOf, type Thing } from "./scene.ts";

/** The answer to what refers to nothing, or to more than one thing. */
export const unanswerable = "unanswerable";

export interface Solution {
  /** A number in digits, "yes" or "no", a colour, a shape, or "unanswerable". */
  readonly answer: string;
  /** The cells of all things of the kinds asked about, in reading order. */
  readonly evidence: readonly Cell[];
}

/** What a layout implies for a question. "left of" and the like compare cells, not pixels. */
export function solve({ objects }: Layout, question: SceneQuestion): Solution {
  const found = question.kinds.map((kind) => objects.filter((thing) => isOfKind(thing, kind)));
  const evidence = found.flatMap((things) => things.map(({ cell }) => cell)).sort();
  return { answer: answer(question, found[0] ?? [], found[1] ?? []), evidence };
}

function answer(question: SceneQuestion, a: readonly Thing[], b: readonly Thing[]): string {
  switch (question.family) {
    case "count":
    case "sum":
      return String(a.length + b.length);
    case "exist":
      return a.length > 0 ? "yes" : "no";
    case "more":
      return a.length > b.length ? "yes" : "no";
    case "color":
    case "shape":
      return onlyOne(a)?.[question.family] ?? unanswerable;
    case "relation":
      if (!onlyOne(a) || !onlyOne(b)) return unanswerable;
      return sidesOf(a, b).includes(question.side) ? "yes" : "no";
  }
}

/** On which sides of the second thing of a relation the first one stands; none unless there is one of each. */
export function sidesIn({ objects }: Layout, { family, kinds: [a, b] }: SceneQuestion): Side[] {
  if (family !== "relation" || !b) return [];
  const things = (kind: Kind) => objects.filter((thing) => isOfKind(thing, kind));
  return sidesOf(things(a), things(b));
}

function sidesOf(a: readonly Thing[], b: readonly Thing[]): Side[] {
  const [first, second] = [onlyOne(a), onlyOne(b)];
  if (!first || !second) return [];
  return (Object.keys(isBeside) as Side[]).filter((side) => isBeside[side](first.cell, second.cell));
}

const isBeside: Record<Side, (a: Cell, b: Cell) => boolean> = {
  left: (a: Cell, b: Cell) => columnOf(a) < columnOf(b),
  right: (a: Cell, b: Cell) => columnOf(a) > columnOf(b),
  above: (a: Cell, b: Cell) => rowOf(a) < rowOf(b),
  below: (a: Cell, b: Cell) => rowOf(a) > rowOf(b),
};

function onlyOne<T>(items: readonly T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined;
}
