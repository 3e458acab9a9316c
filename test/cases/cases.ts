import { readFileSync } from "node:fs";

/** The rows of a file of cases beside this one: inputs with the reading that common sense gives. */
export function casesOf<T>(file: string): T[] {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}
