import {
  behindThinking,
  lastBlock,
  lastBoxed,
  opensThinking,
  piecesOf,
  textOf,
  withoutMarkdown,
} from "../common/completion_text.ts";

/** The two parts of a completion, each of any length. */
export interface Written {
  /** What stands before the answer; "" where nothing does. */
  readonly chain: string;
  /** The answer as it was written, without code fences; null where there is none, or it was cut off. */
  readonly answer: string | null;
}

/**
 * Takes a completion apart where `parseAnswer` finds its answer, but reads nothing out of that: boxes, JSON and lists are
 * longer than a short answer. Without tags the answer is what is boxed, or fenced as code, or stands behind the thinking,
 * or JSON, or the last line.
 */
export function writtenIn(text: string, truncated = false): Written {
  const pieces = piecesOf(text);
  const block = lastBlock(pieces, "answer");
  if (block) {
    const answer = truncated && !block.closed ? null : answerOf(block.text);
    return { chain: textOf(pieces.slice(0, block.start)), answer };
  }
  const behind = behindThinking(pieces);
  if (opensThinking(behind)) return { chain: textOf(behind), answer: null };
  const thought = textOf(pieces.slice(0, pieces.length - behind.length));
  const [before, answer] = withoutTags(textOf(behind), thought !== "");
  return { chain: `${thought}\n${before}`.trim(), answer: truncated ? null : answerOf(answer) };
}

/** What stands before an answer without tags, and the answer. */
function withoutTags(text: string, thought: boolean): [string, string] {
  const boxed = lastBoxed(text);
  if (boxed) return [boxed.before, boxed.content];
  const fenced = lastFenced(text);
  if (fenced) return [text.slice(0, fenced.index), fenced[1] as string];
  const at = thought || /^[[{]/.test(text) ? 0 : text.lastIndexOf("\n") + 1;
  return [text.slice(0, at), text.slice(at)];
}

function answerOf(text: string): string | null {
  const inside = lastFenced(text)?.[1] ?? text;
  return withoutMarkdown(inside).replace(/^answer: ?/i, "") || null;
}

/** The last block of code. */
function lastFenced(text: string): RegExpExecArray | undefined {
  return [...text.matchAll(/```[^\n`]*\n([^`]*)```/g)].at(-1);
}
