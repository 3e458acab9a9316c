import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { VisplayError } from "../../../common/errors.ts";
import { htmlText } from "./html_text.ts";

/** A text that can be found. */
export interface Document {
  /** Relative to the folder; with its line, where a file has many. */
  readonly name: string;
  readonly text: string;
}

/** A file of documents, whose content is also what the folder is pinned by. */
export interface DocumentFile {
  readonly name: string;
  readonly content: Buffer;
}

type Reader = (name: string, text: string) => Document[];

const whole: Reader = (name, text) => [{ name, text }];
const html: Reader = (name, text) => [{ name, text: htmlText(text) }];

const readers: Readonly<Record<string, Reader>> = {
  ".txt": whole,
  ".md": whole,
  ".html": html,
  ".htm": html,
  ".jsonl": records,
};

/**
 * The files of documents below a folder, in the order of their names, without what is hidden. Throws a `VisplayError` of code
 * "config" where there are none, or the folder cannot be read.
 */
export async function readFiles(folder: string, setting: string): Promise<DocumentFile[]> {
  const expected = `expected a folder with documents (${Object.keys(readers).join(", ")})`;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: Error) => {
    const message = `${setting}: ${folder} cannot be read (${cause.message}), ${expected}`;
    throw new VisplayError("config", message, { cause });
  });
  const names = entries
    .filter((entry) => entry.isFile() && extname(entry.name).toLowerCase() in readers)
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, "/"))
    .filter((name) => !name.split("/").some((part) => part.startsWith(".")))
    .sort();
  if (names.length === 0)
    throw new VisplayError("config", `${setting}: found no document in ${folder}, ${expected}`);
  const files: DocumentFile[] = [];
  for (const name of names) files.push({ name, content: await readFile(join(folder, name)) });
  return files;
}

/** The documents of a file. Throws a `VisplayError` of code "data" where it is not what its name says. */
export function documentsOf({ name, content }: DocumentFile): Document[] {
  const read = readers[extname(name).toLowerCase()] as Reader;
  return read(name, content.toString("utf8"));
}

/** A document for each line of JSON: all texts in it, at any depth. */
function records(name: string, text: string): Document[] {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    const place = `${name}:${i + 1}`;
    try {
      return [{ name: place, text: textsIn(JSON.parse(line)).join("\n\n") }];
    } catch (cause) {
      throw new VisplayError("data", `${place}: found no JSON (${(cause as Error).message})`, { cause });
    }
  });
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
