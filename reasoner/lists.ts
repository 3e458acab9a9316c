import { isOneNumber, leadingNumber } from "./numbers.ts";

/** Stands for a comma, or a space, that belongs to a number. */
const kept = "\u0000";
const separator = /(?:, ?|; ?| )(?:and|&) |, ?|; ?|(?<=\p{L}{3})&(?=\p{L}{3})/uy;
const numberWithAnd = /\b(hundred|thousand|million|billion|trillion) and /gi;

/**
 * A list or a point in one spelling, each item as `read` has it: "1 and 2" and "[1, 2]" are "1, 2"; "( 1,2 )" is
 * "(1, 2)". Null for what is neither.
 */
export function listText(text: string, read: (item: string) => string): string | null {
  const inside = innermost(text);
  if (inside !== null) {
    const items = split(inside, true).map(read);
    const isList = text.startsWith("[") && text.endsWith("]") && !mayBeInterval(items);
    return isList ? join(items) : point(text, items);
  }
  const items = split(text.replace(/^both (?=.* and )/i, ""), false);
  return items.length > 1 ? join(items.map((item) => pointOf(item, read) ?? read(item))) : null;
}

function join(items: readonly string[]): string {
  return items.filter((item) => item !== "").join(", ");
}

function pointOf(text: string, read: (item: string) => string): string | null {
  const inside = innermost(text);
  return inside === null ? null : point(text, split(inside, true).map(read));
}

/** The items between the brackets of a text. */
function point(text: string, items: readonly string[]): string | null {
  return items.length > 1 ? `${text[0]}${items.join(", ")}${text.at(-1)}` : null;
}

/** What one pair of brackets around the whole holds, if it holds no others. */
function innermost(text: string): string | null {
  return /^[([]([^()[\]]*)[)\]]$/.exec(text)?.[1] ?? null;
}

/** Two numbers of which one is negative, zero or no integer: [-4, 0]. */
function mayBeInterval(items: readonly string[]): boolean {
  return items.length === 2 && !items.every((item) => /^[1-9]\d*$|\p{L}{2}/u.test(item));
}

/** The items between commas, semicolons, "and" and "&" outside brackets; in a point every comma separates. */
function split(text: string, isPoint: boolean): string[] {
  const source = text
    .replace(/\d+(?:,\d+)+(?:\.\d+)?/g, (digits) =>
      !isPoint && isOneNumber(digits) ? digits.replaceAll(",", kept) : digits,
    )
    .replace(numberWithAnd, (all: string, power: string, at: number, whole: string) => {
      const after = whole.slice(at + all.length);
      const isNumber = (leadingNumber(`one ${all}${after}`)?.rest.length ?? Infinity) < after.length;
      return isNumber ? `${power} ` : all;
    });
  const items: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < source.length; i++) {
    const character = source[i] as string;
    if ("([".includes(character)) depth++;
    else if (")]".includes(character)) depth = Math.max(0, depth - 1);
    separator.lastIndex = i;
    const found = depth === 0 && i > start ? separator.exec(source) : null;
    if (!found) continue;
    items.push(source.slice(start, i));
    start = i + found[0].length;
    i = start - 1;
  }
  items.push(source.slice(start));
  return items.map((item) => item.replaceAll(kept, ",").trim()).filter((item) => item !== "");
}
