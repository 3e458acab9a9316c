import { formatKind, isOfKind, type Kind, type SceneQuestion } from "./questions.ts";
import { type Cell, type Color, cells, colors, type Layout, type Shape, shapes } from "./scene.ts";

/** That a thing of a kind is in a cell, or, where that is null, that there is none. */
interface Claim {
  readonly kind: Kind;
  readonly cell: Cell | null;
}

/**
 * How right what a text says of a scene is, for a question about it, 0 to 1: the harmonic mean (F1) of the share of what it
 * says that is true, and the share of what the question is about that it says. 0 where it says nothing.
 *
 * It may name a kind and then its cells, or none ("red circle p03 p11 blue square"), as `demonstrate` does, or a cell and then what
 * is in it ("p03 red circle p11 blue square"), as `describe` does. Other words say nothing.
 */
export function understandingOf(
  { objects }: Layout,
  { kinds }: Pick<SceneQuestion, "kinds">,
  text: string,
): number {
  const claims = claimsIn(text);
  const right = claims.filter(({ kind, cell }) => {
    const things = objects.filter((thing) => isOfKind(thing, kind));
    return cell === null ? things.length === 0 : things.some((thing) => thing.cell === cell);
  });
  const wanted = kinds.flatMap((kind): Claim[] => {
    const things = objects.filter((thing) => isOfKind(thing, kind));
    return things.length === 0 ? [{ kind, cell: null }] : things.map(({ cell }) => ({ kind, cell }));
  });
  const said = wanted.filter(({ kind, cell }) =>
    right.some(
      (claim) => claim.cell === cell && (cell !== null || formatKind(claim.kind) === formatKind(kind)),
    ),
  );
  const truth = right.length / Math.max(1, claims.length);
  const share = said.length / wanted.length;
  return truth + share === 0 ? 0 : (2 * truth * share) / (truth + share);
}

/** A kind as it is read, and its cells. */
interface Mention {
  color: Color | null;
  shape: Shape | "object" | null;
  readonly cells: Cell[];
}

function claimsIn(text: string): Claim[] {
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
