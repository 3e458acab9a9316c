import type { Answer } from "./reasoner.ts";
import { agrees } from "./vote.ts";

/**
 * The place of the answer to imitate: of those that agree with a label and were not cut off the most central one; null where
 * none does.
 */
export function consensus(answers: readonly Answer[], label: string): number | null {
  const agreeing = answers.flatMap(({ parsed, completion }, place) =>
    agrees(parsed, label) && completion.finishReason === "stop" ? [{ place, text: completion.text }] : [],
  );
  const central = mostCentral(agreeing.map(({ text }) => text));
  return central === null ? null : (agreeing[central]?.place ?? null);
}

/**
 * The place of the text that says best what all have in common, null where there is none: of minimum Bayes risk, that is
 * with the greatest mean F1 of words and of pairs of words to all of them (Finkelstein and Freitag, 2023), the earlier among
 * equals. Of texts that say the same in few words it is the most frequent one.
 */
export function mostCentral(texts: readonly string[]): number | null {
  const said = new Map<string, Said>();
  for (const [place, text] of texts.entries()) {
    const known = said.get(text);
    if (known) known.times++;
    else said.set(text, { place, times: 1, grams: gramsOf(text) });
  }
  const all = [...said.values()];
  const risks = all.map((each) => ({
    place: each.place,
    gain: all.reduce((sum, other) => sum + other.times * f1(each.grams, other.grams), 0),
  }));
  return risks.reduce((best, each) => (each.gain > best.gain ? each : best), {
    place: null as number | null,
    gain: 0,
  }).place;
}

/** Texts in the same words. */
interface Said {
  /** Of the first of them. */
  readonly place: number;
  times: number;
  readonly grams: Grams;
}

/** How often each word and each pair of words stands in a text. */
type Grams = ReadonlyMap<string, number>;

function gramsOf(text: string): Grams {
  const words = text.split(/\s+/).filter((word) => word !== "");
  const grams = new Map<string, number>();
  for (const gram of [...words, ...words.slice(1).map((word, i) => `${words[i]} ${word}`)])
    grams.set(gram, (grams.get(gram) ?? 0) + 1);
  return grams;
}

/** Harmonic mean of the shares of each text's grams that the other has, too, 0 to 1. */
function f1(a: Grams, b: Grams): number {
  let shared = 0;
  for (const [gram, times] of a) shared += Math.min(times, b.get(gram) ?? 0);
  return (2 * shared) / Math.max(1, sizeOf(a) + sizeOf(b));
}

function sizeOf(grams: Grams): number {
  return [...grams.values()].reduce((sum, times) => sum + times, 0);
}
