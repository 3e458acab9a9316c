import { exclusive, isOfKind, type Kind, type SceneQuestion } from "./questions.ts";
import { type Cell, type Color, cells, colors, type Layout, type Shape, shapes } from "./scene.ts";

/** That a thing of a kind is in a cell, or, where that is null, that there is none. */
export interface Claim {
  readonly kind: Kind;
  readonly cell: Cell | null;
}

/**
 * What a text says of a scene. It may name a kind and then its cells, or none ("red circle p03 p11 blue square"), as
 * `demonstrate` does, or a cell and then what is in it ("p03 red circle p11 blue square"), as `describe` does. Other words
 * say nothing.
 */
export function claimsIn(text: string): Claim[] {
  const mentions: Mention[] = [];
  const words = wordsIn(text);
  const isCellFirst = words[0] !== undefined && isCell(words[0]);
  const begin = (): Mention => {
    const mention: Mention = { color: null, shape: null, cells: [] };
    mentions.push(mention);
    return mention;
  };
  for (const word of words) {
    const last = mentions.at(-1);
    if (isCell(word)) (isCellFirst ? begin() : (last as Mention)).cells.push(word);
    else {
      const isOpen = last && last.shape === null && (isCellFirst || last.cells.length === 0);
      if (isColor(word)) (isOpen && last.color === null ? last : begin()).color = word;
      else (isOpen ? last : begin()).shape = word;
    }
  }
  return mentions.flatMap(({ color, shape, cells: named }): Claim[] => {
    if (color === null && shape === null) return [];
    const kind = { color, shape: shape === "object" ? null : shape };
    return named.length === 0 ? [{ kind, cell: null }] : named.map((cell) => ({ kind, cell }));
  });
}

/** Whether it is so. */
export function isTrue({ kind, cell }: Claim, { objects }: Layout): boolean {
  const things = objects.filter((thing) => isOfKind(thing, kind));
  return cell === null ? things.length === 0 : things.some((thing) => thing.cell === cell);
}

/**
 * Whether claims suffice for a question: those about what it asks about are true, and name all of that. What else they say
 * does not count.
 */
export function suffice(claims: readonly Claim[], layout: Layout, { kinds }: SceneQuestion): boolean {
  const relevant = claims.filter((claim) => kinds.some((kind) => !exclusive(claim.kind, kind)));
  const asked = layout.objects.filter((thing) => kinds.some((kind) => isOfKind(thing, kind)));
  const isNamed = (thing: (typeof asked)[number]) =>
    relevant.some(({ kind, cell }) => cell === thing.cell && isOfKind(thing, kind));
  return relevant.every((claim) => isTrue(claim, layout)) && asked.every(isNamed);
}

/** A kind as it is read, and its cells. */
interface Mention {
  color: Color | null;
  shape: Shape | "object" | null;
  readonly cells: Cell[];
}

type SceneWord = Cell | Color | Shape | "object";
const sceneWords: readonly SceneWord[] = [...cells, ...colors, ...shapes, "object"];

/** Also in the plural. */
const forms = new Map(
  sceneWords.flatMap((word) => [word, `${word}s`, `${word}es`].map((form) => [form, word] as const)),
);

/** The words of a text that name cells, colours and shapes, in their order. */
function wordsIn(text: string): SceneWord[] {
  const words = text.toLowerCase().match(/[a-z]+\d*/g) ?? [];
  return words.flatMap((word) => forms.get(word) ?? []);
}

function isCell(word: SceneWord): word is Cell {
  return (cells as readonly string[]).includes(word);
}

function isColor(word: SceneWord): word is Color {
  return (colors as readonly string[]).includes(word);
}
