import type { RandomStream } from "../../common/random.ts";
import { isOfKind, type SceneQuestion } from "./questions.ts";
import {
  type Cell,
  type Color,
  cellSize,
  cells,
  colors,
  columnOf,
  palette,
  type Rgb,
  rowOf,
  type Scene,
  type SceneObject,
  shapes,
} from "./scene.ts";
import { solve } from "./solve.ts";

export const sceneEdits = ["recolored", "reshaped", "removed", "moved"] as const;

/** A scene in which one thing was changed, and all else is the same to the pixel. */
export interface EditedScene {
  readonly edit: (typeof sceneEdits)[number];
  readonly scene: Scene;
  /** The thing as it was, and as it is; null for one that was removed. */
  readonly before: SceneObject;
  readonly after: SceneObject | null;
}

/** Every scene that differs from one by one thing's colour, shape or place, or lacks it. */
export function editsOf(scene: Scene): EditedScene[] {
  const free = cells.filter((cell) => scene.objects.every((thing) => thing.cell !== cell));
  return scene.objects.flatMap((before) => {
    const make = (edit: EditedScene["edit"], after: SceneObject | null): EditedScene => {
      const others = scene.objects.filter((thing) => thing !== before);
      const objects = [...others, ...(after ? [after] : [])].sort((a, b) => (a.cell < b.cell ? -1 : 1));
      return { edit, scene: { ...scene, objects }, before, after };
    };
    return [
      ...colors
        .filter((color) => color !== before.color)
        .map((color) => make("recolored", repaint(before, color))),
      ...shapes
        .filter((shape) => shape !== before.shape)
        .map((shape) => make("reshaped", { ...before, shape })),
      make("removed", null),
      ...free.map((cell) => make("moved", moveTo(before, cell))),
    ];
  });
}

/** Two edits of a scene for a question; null where no single thing makes one. */
export interface EvidenceEdits {
  /** Another answer is true of it. */
  readonly evidence: (EditedScene & { readonly answer: string }) | null;
  /** Something was changed that the question is not about: its evidence and its answer are the same. */
  readonly elsewhere: EditedScene | null;
}

/** Draws them: the kinds of edits that there are equally often. */
export function drawEdits(scene: Scene, question: SceneQuestion, stream: RandomStream): EvidenceEdits {
  const { answer, evidence } = solve(scene, question);
  const isAsked = (thing: SceneObject | null) =>
    thing !== null && question.kinds.some((kind) => isOfKind(thing, kind));
  const solved = editsOf(scene).map((edited) => ({ ...edited, ...solve(edited.scene, question) }));
  const changing = solved.filter((each) => each.answer !== answer);
  const harmless = solved.filter(
    (each) =>
      each.answer === answer &&
      !isAsked(each.before) &&
      !isAsked(each.after) &&
      `${each.evidence}` === `${evidence}`,
  );
  return { evidence: pickByKind(changing, stream), elsewhere: pickByKind(harmless, stream) };
}

function pickByKind<E extends EditedScene>(edits: readonly E[], stream: RandomStream): E | null {
  const kinds = sceneEdits.filter((kind) => edits.some(({ edit }) => edit === kind));
  if (kinds.length === 0) return null;
  const kind = stream.pick(kinds);
  return stream.pick(edits.filter(({ edit }) => edit === kind));
}

/** With the shade that it had beside its colour. */
function repaint(thing: SceneObject, color: Color): SceneObject {
  const [old, now] = [palette[thing.color], palette[color]];
  const paint = thing.paint.map((value, i) => value - (old[i] as number) + (now[i] as number));
  return { ...thing, color, paint: paint as unknown as Rgb };
}

/** As far from the cell's middle as it was. */
function moveTo(thing: SceneObject, cell: Cell): SceneObject {
  const [columns, rows] = [columnOf(cell) - columnOf(thing.cell), rowOf(cell) - rowOf(thing.cell)];
  return { ...thing, cell, x: thing.x + columns * cellSize, y: thing.y + rows * cellSize };
}
