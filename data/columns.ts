import { VisplayError } from "../common/errors.ts";
import type { Table } from "./tables/table.ts";

/** What a column may be to us. */
export const parts = ["question", "answer", "image"] as const;
export type Part = (typeof parts)[number];

/** Which column is what; null where none is. */
export type Mapping = Readonly<Record<Part, string | null>>;

/** Names that data sets have for it, the plainest first. */
const knownNames: Readonly<Record<Part, readonly string[]>> = {
  question: ["question", "problem", "prompt", "query", "messages", "conversations", "instruction"],
  answer: ["answer", "answers", "solution", "label", "ground_truth", "reward_model", "target"],
  image: ["image", "images", "picture", "img", "file_name", "file_names", "image_path"],
};

/**
 * Reads "question=problem,answer=solution,image=images", of which parts may be left out. Throws "data" for a text that is
 * none.
 */
export function parseColumns(text: string): Partial<Mapping> {
  const entries = text.split(",").map((entry) => {
    const [, part = "", column = ""] = /^\s*(\w+)\s*=\s*(.+?)\s*$/.exec(entry) ?? [];
    const known = parts.find((each) => each === part || `${each}s` === part);
    if (known && column) return [known, column];
    throw new VisplayError("data", `columns: found ${entry.trim() || "nothing"}, expected ${example}`);
  });
  return Object.fromEntries(entries);
}

const example = "question=NAME,answer=NAME,image=NAME, each of them optional";

/**
 * Which columns of a table are what: as given, else by known names, and the pictures by their type, too. Throws "data"
 * where a column that is given is not there.
 */
export function mapColumns(
  name: string,
  { columns, pictures }: Pick<Table, "columns" | "pictures">,
  given: Partial<Mapping>,
): Mapping {
  const find = (part: Part): string | null => {
    const wanted = given[part];
    if (wanted !== undefined && wanted !== null) {
      if (columns.includes(wanted)) return wanted;
      throw missingColumn(name, `column ${wanted} for the ${part}`, columns);
    }
    const others = Object.values(given);
    return knownNames[part].find((each) => columns.includes(each) && !others.includes(each)) ?? null;
  };
  const image = find("image");
  const [picture, another] = pictures;
  const byType = picture !== undefined && another === undefined ? picture : null;
  return { question: find("question"), answer: find("answer"), image: image ?? byType };
}

/** That something is wanted of which a data set has no column, and those that it has. */
export function missingColumn(name: string, wanted: string, columns: readonly string[]): VisplayError {
  const found = columns.length > 0 ? columns.join(", ") : "none";
  return new VisplayError(
    "data",
    `${name}: found no ${wanted}; its columns are ${found}; map them: ${example}`,
  );
}
