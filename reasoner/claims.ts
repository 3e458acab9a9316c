import { plainWords } from "./wording.ts";

/** What a description says to be there, and where, as far as it says. */
export interface Claim {
  /** As the vocabulary has it. */
  readonly thing: string;
  readonly place: string | null;
}

/** What descriptions may name. */
export interface ClaimVocabulary {
  /** Names of one word or more; the longest that fits counts. */
  readonly things: readonly string[];
  /** Words for places, each of which stands right before what is there: "p03 red circle" (default none). */
  readonly places?: readonly string[];
}

/** Reads the claims of a description: each once, in order. */
export type ClaimReader = (description: string) => Claim[];

/**
 * A reader of descriptions in words of a vocabulary. Case, tags, articles and plurals do not count; what is denied ("no
 * cat or dog", "without a cat") is not claimed. Read by the same reader, a true list says what is there.
 */
export function claimReader({ things, places = [] }: ClaimVocabulary): ClaimReader {
  const names = namesByFirstWord(things);
  const where = new Set(places.map((place) => place.toLowerCase()));
  return (description) => {
    const words = wordsOf(description);
    const claims = new Map<string, Claim>();
    let denied: Span | null = null;
    for (let start = 0; start < words.length; ) {
      const found = names.get(words[start] as string)?.find((name) => beginsWith(words, start, name.words));
      if (!found) {
        start++;
        continue;
      }
      const end = start + found.words.length;
      if (isDenied(words, start, denied)) denied = { start, end };
      else {
        const before = words[start - 1] ?? "";
        const claim = { thing: found.thing, place: where.has(before) ? before : null };
        claims.set(`${claim.place ?? ""} ${claim.thing}`, claim);
      }
      start = end;
    }
    return [...claims.values()];
  };
}

/** Claims held against what is there. */
export interface CheckedClaims {
  readonly right: readonly Claim[];
  /** Things that are not there, or not in that place. */
  readonly invented: readonly Claim[];
  /** What is there and was not claimed. */
  readonly missed: readonly Claim[];
  /** How many things are there. */
  readonly there: number;
}

/** A claim is right where such a thing is there, and in its place if both say one. */
export function checkClaims(claims: readonly Claim[], there: readonly Claim[]): CheckedClaims {
  const agree = (a: Claim, b: Claim) =>
    a.thing === b.thing && (a.place === null || b.place === null || a.place === b.place);
  const isRight = (claim: Claim) => there.some((thing) => agree(claim, thing));
  return {
    right: claims.filter(isRight),
    invented: claims.filter((claim) => !isRight(claim)),
    missed: there.filter((thing) => !claims.some((claim) => agree(claim, thing))),
    there: there.length,
  };
}

interface Name {
  readonly thing: string;
  readonly words: readonly string[];
}

/** Words of a text, from one to before another. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** The longest names first. */
function namesByFirstWord(things: readonly string[]): Map<string, Name[]> {
  const names = new Map<string, Name[]>();
  for (const thing of things) {
    const words = wordsOf(thing);
    const [first] = words;
    if (first === undefined) continue;
    names.set(first, [...(names.get(first) ?? []), { thing, words }]);
  }
  for (const [first, alike] of names)
    names.set(
      first,
      alike.toSorted((a, b) => b.words.length - a.words.length),
    );
  return names;
}

/** Lower case and singular, with the marks that end a clause as words of their own. */
function wordsOf(text: string): string[] {
  const plain = plainWords(text.replace(/<[^<>]*>/g, " ; "));
  return (plain.match(/[\p{L}\p{N}]+(?:'\p{L}+)?|[.,;:!?]/gu) ?? []).map(singular);
}

function beginsWith(words: readonly string[], start: number, name: readonly string[]): boolean {
  return name.every((word, i) => words[start + i] === word);
}

const negators: ReadonlySet<string> = new Set(["no", "not", "without", "neither", "nor", "never", "cannot"]);

/** How many words may stand between a word that denies and what it denies, as in "not see any green". */
const REACH = 3;

/** Whether a negator stands close before in the same clause, or "or" ties it to what was denied before. */
function isDenied(words: readonly string[], start: number, denied: Span | null): boolean {
  const between = denied ? words.slice(denied.end, start) : [];
  if (denied && between.length <= REACH && between.some((word) => word === "or" || word === "nor"))
    return true;
  const near = words.slice(Math.max(denied?.end ?? 0, start - REACH - 1), start);
  const clause = near.slice(near.findLastIndex((word) => /^[.,;:!?]$/.test(word) || word === "but") + 1);
  const at = clause.findLastIndex((word) => negators.has(word));
  return at >= 0 && clause[at + 1] !== "only";
}

const irregular: Readonly<Record<string, string>> = {
  people: "person",
  men: "man",
  women: "woman",
  children: "child",
  mice: "mouse",
  geese: "goose",
  feet: "foot",
  teeth: "tooth",
  knives: "knife",
  leaves: "leaf",
  shelves: "shelf",
  loaves: "loaf",
  wolves: "wolf",
  scarves: "scarf",
  calves: "calf",
};

/** The singular of an English noun, by its letters; the same for two forms of one noun, which is all that counts here. */
function singular(word: string): string {
  const known = irregular[word];
  if (known) return known;
  if (/[^aeiou]ies$/.test(word) && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:s|x|z|ch|sh|[^aeiou]o)es$/.test(word)) return word.slice(0, -2);
  return /[^suiy]s$|[aeo]ys$/.test(word) ? word.slice(0, -1) : word;
}
