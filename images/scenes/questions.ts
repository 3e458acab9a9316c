import { type Color, colors, type Shape, shapes, type Thing } from "./scene.ts";

/** What objects are asked about: a colour, a shape or both, never neither. */
export interface Kind {
  readonly color: Color | null;
  readonly shape: Shape | null;
}

/** Each family's sentence; A and B stand for kinds, S for a side. */
export const templates = {
  count: "how many A ?",
  exist: "is there a A ?",
  color: "what color is the A ?",
  shape: "what shape is the A ?",
  more: "are there more A than B ?",
  relation: "is the A S the B ?",
  sum: "how many A plus B ?",
} as const;

export type Family = keyof typeof templates;

export const families = Object.keys(templates) as readonly Family[];

/** The sides in words, of "is the A … the B ?". */
export const sides = { left: "left of", right: "right of", above: "above", below: "below" } as const;

export type Side = keyof typeof sides;

/** A question about a scene. The two kinds of a comparison differ. */
export type SceneQuestion =
  | { readonly family: "count" | "exist" | "color" | "shape"; readonly kinds: readonly [Kind] }
  | { readonly family: "more" | "sum"; readonly kinds: readonly [Kind, Kind] }
  | { readonly family: "relation"; readonly kinds: readonly [Kind, Kind]; readonly side: Side };

/** The question in words separated by single spaces, such as "how many red circle ?". */
export function formatQuestion(question: SceneQuestion): string {
  const [a, b] = question.kinds;
  return templates[question.family]
    .replace("A", formatKind(a))
    .replace("B", b ? formatKind(b) : "B")
    .replace("S", question.family === "relation" ? sides[question.side] : "S");
}

/** The question that a text asks, or null if it has no meaning; accepts exactly what `formatQuestion` writes. */
export function parseSceneQuestion(text: string): SceneQuestion | null {
  for (const family of families) {
    const { a, b, side } = patterns[family].exec(text)?.groups ?? {};
    if (a === undefined) continue;
    const kinds = b === undefined ? [parseKind(a)] : [parseKind(a), parseKind(b)];
    const sideName = (Object.keys(sides) as Side[]).find((name) => sides[name] === side);
    const question = { family, kinds, ...(sideName && { side: sideName }) } as unknown as SceneQuestion;
    return hasMeaning(question) ? question : null;
  }
  return null;
}

/**
 * Whether a question of the right form asks something: its kinds name a colour or a shape, differ, and do not give
 * away what is asked.
 */
export function hasMeaning({ family, kinds: [a, b] }: SceneQuestion): boolean {
  if (isAnything(a) || (b && (isAnything(b) || formatKind(a) === formatKind(b)))) return false;
  return family === "color" ? a.color === null : family === "shape" ? a.shape === null : true;
}

/** Whether a thing is of a kind. */
export function isOfKind(thing: Thing, { color, shape }: Kind): boolean {
  return (color === null || thing.color === color) && (shape === null || thing.shape === shape);
}

const kindPattern = `(?:(?:${colors.join("|")}) )?(?:${shapes.join("|")}|object)`;

const patterns = Object.fromEntries(
  families.map((family) => {
    const source = templates[family]
      .replace("?", "\\?")
      .replace("A", `(?<a>${kindPattern})`)
      .replace("B", `(?<b>${kindPattern})`)
      .replace("S", `(?<side>${Object.values(sides).join("|")})`);
    return [family, new RegExp(`^${source}$`)];
  }),
) as Record<Family, RegExp>;

/** A kind in words: "red circle", "circle" or "red object". */
export function formatKind({ color, shape }: Kind): string {
  return color === null ? (shape ?? "object") : `${color} ${shape ?? "object"}`;
}

function parseKind(text: string): Kind {
  const words = text.split(" ");
  return {
    color: colors.find((color) => words.includes(color)) ?? null,
    shape: shapes.find((shape) => words.includes(shape)) ?? null,
  };
}

function isAnything({ color, shape }: Kind): boolean {
  return color === null && shape === null;
}

/** Whether nothing can be of both kinds. */
export function exclusive(a: Kind, b: Kind): boolean {
  const differ = <T>(x: T | null, y: T | null) => x !== null && y !== null && x !== y;
  return differ(a.color, b.color) || differ(a.shape, b.shape);
}
