import { isOfKind, type SceneQuestion } from "./questions.ts";
import {
  type Cell,
  type Color,
  cells,
  colors,
  type Layout,
  type Shape,
  shapes,
  type Thing,
} from "./scene.ts";

/** What a description of a scene claims: "p03 red circle p11 blue square"; null where it is no list of things. */
export function thingsIn(description: string): Thing[] | null {
  const words = description.trim().split(/\s+/);
  if (words.length % 3 !== 0) return null;
  const things = Array.from({ length: words.length / 3 }, (_, i) => {
    const [cell, color, shape] = words.slice(3 * i, 3 * i + 3) as [Cell, Color, Shape];
    return cells.includes(cell) && colors.includes(color) && shapes.includes(shape)
      ? { cell, color, shape }
      : null;
  });
  return things.every((thing) => thing !== null) ? things : null;
}

/** Whether things are those of a layout, as far as a question asks about them. */
export function areThere(things: readonly Thing[], { objects }: Layout, { kinds }: SceneQuestion): boolean {
  const asked = (all: readonly Thing[]) =>
    all.filter((thing) => kinds.some((kind) => isOfKind(thing, kind))).map(nameOf);
  const [claimed, shown] = [asked(things), asked(objects)];
  return claimed.length === shown.length && shown.every((name) => claimed.includes(name));
}

function nameOf({ cell, color, shape }: Thing): string {
  return `${cell} ${color} ${shape}`;
}
