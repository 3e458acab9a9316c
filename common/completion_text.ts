/**
 * What models write around what they mean, taken apart in one pass: tags in any case and spacing, code fences, bold.
 * Everything here is linear in the text's length.
 */

/** Names of tags; several names of one meaning are one name. */
export type TagName = "think" | "question" | "answer" | "type";

const meanings: Readonly<Record<string, TagName>> = {
  think: "think",
  thinking: "think",
  thought: "think",
  reasoning: "think",
  description: "think",
  question: "question",
  answer: "answer",
  final_answer: "answer",
  type: "type",
};

export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "open" | "close"; readonly name: TagName };

// White space within a tag is bounded, for two unbounded runs side by side would take quadratic time.
const tag = new RegExp(
  `<\\s{0,3}(/?)\\s{0,3}(${Object.keys(meanings).join("|")})\\s{0,3}(/?)\\s{0,3}>`,
  "gi",
);

/** Thinking between other brackets than angles: [THINK], ◁think▷. */
const otherTags = /(?:\[|◁)(\/?)(think)(?:\]|▷)/gi;

/** A text between its tags, empty pieces left out; `<think/>` is an opening and a closing tag. */
export function piecesOf(written: string): Piece[] {
  const text = written.replace(otherTags, "<$1$2>");
  const pieces: Piece[] = [];
  let end = 0;
  const addText = (until: number) => {
    const between = text.slice(end, until);
    if (between.trim() !== "") pieces.push({ kind: "text", text: between });
  };
  for (const match of text.matchAll(tag)) {
    const [whole, closing, spelled = "", empty] = match;
    const name = meanings[spelled.toLowerCase()] as TagName;
    addText(match.index);
    if (!closing) pieces.push({ kind: "open", name });
    if (closing || empty) pieces.push({ kind: "close", name });
    end = match.index + whole.length;
  }
  addText(text.length);
  return pieces;
}

/**
 * What stands behind the thinking: after its last closing tag, so that thinking may name tags, open itself twice, or
 * have been opened by the prompt. Where nothing stands behind it, or it was never closed, all there is.
 */
export function behindThinking(pieces: readonly Piece[]): readonly Piece[] {
  const closed = pieces.findLastIndex(({ kind, name }: Piece & { name?: TagName }) => {
    return kind === "close" && name === "think";
  });
  const behind = pieces.slice(closed + 1);
  return behind.some(({ kind }) => kind !== "close") ? behind : pieces;
}

/** Whether thinking is part of the pieces: none of it is meant. */
export function opensThinking(pieces: readonly Piece[]): boolean {
  return pieces.some((piece) => piece.kind !== "text" && piece.name === "think");
}

/** A block between an opening tag and whatever ends it. */
export interface Block {
  readonly text: string;
  /** Whether its own closing tag ends it. */
  readonly closed: boolean;
  /** Where it begins, and where what follows it begins, among the pieces. */
  readonly start: number;
  readonly end: number;
}

/**
 * The last block of a name that holds something, or else the last; null if there is none. It ends at its closing tag, at any other block's tag, or with the
 * text. Of an answer that the prompt opened only the closing tag is seen: what stands before that is the block.
 */
export function lastBlock(pieces: readonly Piece[], name: TagName): Block | null {
  const opens = (piece: Piece | undefined) => piece?.kind === "open" && piece.name === name;
  const filled = pieces.findLastIndex((piece, i) => piece.kind === "text" && opens(pieces[i - 1])) - 1;
  const start = filled >= 0 ? filled : pieces.findLastIndex(opens);
  if (start < 0) return blockBeforeClosing(pieces, name);
  const length = pieces.slice(start + 1).findIndex(({ kind }) => kind !== "text");
  const until = length < 0 ? pieces.length : start + 1 + length;
  const last = pieces[until];
  const closed = last?.kind === "close" && last.name === name;
  // A closing tag may lack its end.
  const text = textOf(pieces.slice(start + 1, until)).replace(/<\/?[a-z]{0,8}$/i, "");
  return { text, closed, start, end: closed ? until + 1 : until };
}

function blockBeforeClosing(pieces: readonly Piece[], name: TagName): Block | null {
  const at = pieces.findIndex((piece) => piece.kind === "close" && piece.name === name);
  const before = pieces[at - 1];
  if (before?.kind !== "text") return null;
  const text = before.text.replace(/^\s{0,3}[a-z]{1,8}>/i, "").trim();
  return { text, closed: true, start: at - 1, end: at + 1 };
}

/** The text of pieces, without their tags. */
export function textOf(pieces: readonly Piece[]): string {
  return pieces
    .flatMap((piece) => (piece.kind === "text" ? [piece.text] : []))
    .join("\n")
    .trim();
}

/** The last \boxed{…}. */
export interface Boxed {
  readonly before: string;
  readonly content: string;
  readonly after: string;
}

/** The content of the last \boxed{…} that is closed, and what stands around it; null if there is none. */
export function lastBoxed(text: string): Boxed | null {
  const openings = [...text.matchAll(/\\(?:boxed|fbox)\s{0,3}\{/g)];
  const last = openings.at(-1);
  if (!last) return null;
  const start = last.index + last[0].length;
  let depth = 1;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) {
      const before = text.slice(0, last.index);
      return { before, content: text.slice(start, i).trim(), after: text.slice(i + 1) };
    }
  }
  return null;
}

/** A text without Markdown's code fences and emphasis. */
export function withoutMarkdown(text: string): string {
  return text
    .replace(/^[ \t]{0,3}(?:```|~~~)[^\n`]*$/gm, "")
    .replace(/\*\*|__(?=\S)|(?<=\S)__/g, "")
    .replace(/^[ \t]{0,3}(?:#{1,3}|>|[-*])[ \t]{1,3}(?=\S)/gm, "")
    .trim();
}

/** What a text holds as a JSON object under the first of some keys that it has; null if it is none. */
export function jsonField(text: string, keys: readonly string[]): string | null {
  const found = withoutMarkdown(text);
  if (!found.startsWith("{") || !found.endsWith("}")) return null;
  try {
    const fields: Record<string, unknown> = JSON.parse(found);
    const value = keys.map((key) => fields[key]).find((each) => each !== undefined);
    return typeof value === "string" || typeof value === "number" ? String(value) : null;
  } catch {
    return null;
  }
}

/** In one line, white space collapsed. */
export function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}

/**
 * Whether a text is nothing but blocks, and white space around them: `tag` captures each tag that divides it, `blocks`
 * matches those tags in a row.
 */
export function isExactly(text: string, tag: RegExp, blocks: RegExp): boolean {
  // Outside, tag, inside, tag, outside, …: with well-formed tags every fourth piece lies outside all blocks.
  const pieces = text.split(tag);
  const tags = pieces.filter((_, i) => i % 2 === 1).join("");
  const outside = pieces.filter((_, i) => i % 4 === 0).join("");
  return blocks.test(tags) && outside.trim() === "";
}
