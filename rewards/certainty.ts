/** What words say of how sure somebody is, as the chance of being right, 0 to 1. */
export type Hedges = Readonly<Record<string, number>>;

/**
 * Words and the chance of being right that people hear in them: those of Fagen-Ulmschneider's survey, as Tian et al. ask models
 * for them (arXiv 2305.14975), and a few that are as usual.
 */
export const usualHedges: Hedges = {
  "almost certainly": 0.95,
  "almost certain": 0.95,
  "highly likely": 0.9,
  "very likely": 0.9,
  "most likely": 0.8,
  "very good chance": 0.8,
  "we believe": 0.75,
  "i believe": 0.75,
  "i think": 0.75,
  "it seems": 0.7,
  "seems to": 0.7,
  "appears to": 0.7,
  probably: 0.7,
  probable: 0.7,
  presumably: 0.7,
  likely: 0.7,
  "better than even": 0.6,
  perhaps: 0.5,
  maybe: 0.5,
  possibly: 0.5,
  "might be": 0.5,
  "could be": 0.5,
  "may be": 0.5,
  "about even": 0.5,
  "not certain": 0.4,
  "not sure": 0.4,
  unsure: 0.4,
  uncertain: 0.4,
  "hard to tell": 0.4,
  "probably not": 0.25,
  unlikely: 0.2,
  "i doubt": 0.2,
  "we doubt": 0.2,
  improbable: 0.1,
  "little chance": 0.1,
  "a guess": 0.1,
  "i guess": 0.1,
  "highly unlikely": 0.05,
  "very unlikely": 0.05,
  "almost no chance": 0.02,
};

/** How sure a text says that it is, 0 to 1; null where it says nothing of that. */
export type CertaintyReader = (text: string) => number | null;

/**
 * Reads the last number that is said to be a certainty ("confidence: 80%", "<confidence>0.8</confidence>", "90% sure"); without
 * any, the least of the words in it that hedge, of which the longer one counts where one holds another.
 */
export function certaintyReader(hedges: Hedges): CertaintyReader {
  const chances = new Map(Object.entries(hedges).map(([words, chance]) => [plain(words), chance]));
  const longestFirst = [...chances.keys()].sort((a, b) => b.length - a.length).map(literally);
  const any = new RegExp(`(?<![\\p{L}\\p{N}])(?:${longestFirst.join("|")})(?![\\p{L}\\p{N}])`, "gu");
  return (text) => {
    const number = statedNumber(text);
    if (number !== null || chances.size === 0) return number;
    const found = [...plain(text).matchAll(any)].flatMap(([words]) => chances.get(words) ?? []);
    return found.length === 0 ? null : Math.min(...found);
  };
}

/** A quadratic score of what was stated, 1 - (stated - right)², 0 to 1: in the mean it is highest for who says the chance of being right. */
export function certaintyScore(stated: number, right: number): number {
  return 1 - (stated - right) ** 2;
}

/** What is said without any hedge is claimed for certain. */
export const unhedged = 1;

const numbers = [
  String.raw`(?:confidence|certainty)(?: level| score)?["'*\s]{0,5}(?:is|of|[:=>])["'*\s:]{0,5}(?<after>\d{1,3}(?:\.\d{1,6})?|\.\d{1,6})\s?(?<unit>%|/ ?100?\b)?`,
  String.raw`(?<before>\d{1,3}(?:\.\d{1,6})?)\s?(?:%|percent) (?:sure|certain|confident)`,
];
const stated = new RegExp(`(?<![\\p{L}\\p{N}.])(?:${numbers.join("|")})`, "giu");

function statedNumber(text: string): number | null {
  const { after, unit, before } = [...text.matchAll(stated)].at(-1)?.groups ?? {};
  if (before !== undefined) return share(Number(before) / 100);
  if (after === undefined) return null;
  const value = Number(after);
  if (unit === undefined) return share(value <= 1 ? value : value / 100);
  return share(value / (unit.endsWith("10") ? 10 : 100));
}

function share(value: number): number | null {
  return value <= 1 ? value : null;
}

function plain(text: string): string {
  return text.toLowerCase().replace(/\s+/g, " ").trim();
}

function literally(words: string): string {
  return words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
