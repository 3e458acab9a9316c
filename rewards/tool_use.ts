import { contentWords, withoutTags } from "./words.ts";

/** A turn of a trajectory, as far as calls of tools are concerned. */
export interface CallingTurn {
  readonly text: string;
  /** The call that it was, and what was wrong with it; null for any other. */
  readonly call: { readonly tool: string; readonly fault: string | null } | null;
  /** The texts that were read after it. */
  readonly heard: readonly string[];
}

/** What became of a call. */
export type CallUse = "used" | "unused" | "repeated" | "wrong";

/**
 * What became of each turn's call; null for a turn without one. It is `wrong` where something was wrong with it, `repeated` where
 * the same was called before, and `used` where a later turn says a word or a number of the answer that had neither been said nor
 * read before. An answer without such a word, as a picture is, is used where there is a later turn. `prompt` is what was read
 * first.
 */
export function callUses(prompt: string, turns: readonly CallingTurn[]): (CallUse | null)[] {
  if (turns.every(({ call }) => call === null)) return turns.map(() => null);
  const said = turns.map(({ text }) => wordsIn(text));
  const known = new Set(wordsIn(prompt));
  const calls = new Set<string>();
  return turns.map(({ text, call, heard }, place) => {
    for (const word of said[place] ?? []) known.add(word);
    const fresh = heard.flatMap(wordsIn).filter((word) => !known.has(word));
    for (const word of fresh) known.add(word);
    if (call === null) return null;
    const written = callIn(text);
    const isRepeated = calls.has(written);
    calls.add(written);
    if (call.fault !== null) return "wrong";
    if (isRepeated) return "repeated";
    const later = new Set(said.slice(place + 1).flat());
    const isUsed = fresh.length === 0 ? place < turns.length - 1 : fresh.some((word) => later.has(word));
    return isUsed ? "used" : "unused";
  });
}

function wordsIn(text: string): string[] {
  return contentWords(withoutTags(text));
}

/** What stands from the last call's beginning on, without white space. */
function callIn(text: string): string {
  return text.slice(Math.max(0, text.lastIndexOf("<tool_call>"))).replace(/\s+/g, "");
}

/**
 * How well tools were used, 0 to 1: the share of the calls that are `used`. Where nothing was called, 1 if the trajectory
 * succeeded, for then no tool was needed, else 0.
 */
export function toolUse(uses: readonly (CallUse | null)[], success: boolean): number {
  const calls = uses.filter((use) => use !== null);
  if (calls.length === 0) return success ? 1 : 0;
  return calls.filter((use) => use === "used").length / calls.length;
}
