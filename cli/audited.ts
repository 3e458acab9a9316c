import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { z } from "zod";
import type { RunConfig } from "../arena/config/config.ts";
import type { AuditedQuestion } from "../arena/ports.ts";
import { VisplayError } from "../common/errors.ts";
import type { ImageSource } from "../images/source.ts";
import { labelledRows, openUserData, sayBroken } from "./data.ts";
import type { Opening } from "./run_images.ts";

const text = z.string().min(1);
const Entry = z.strictObject({
  image: text,
  question: text,
  answer: z.union([text, z.number(), z.boolean()]),
});

/**
 * The audited set of `alarms.audited`, empty where none is given: a list of entries, or data whose pictures are the run's.
 * Throws "config" for a file that cannot be read, an entry that is none, or an image that the run does not have, and
 * "data" for data that cannot be read.
 */
export async function openAudited(
  { alarms: { audited: file } }: RunConfig,
  images: ImageSource,
  opening: Opening,
): Promise<AuditedQuestion[]> {
  if (file === null) return [];
  const isList = /\.(jsonl|ndjson|json|ya?ml)$/i.test(file);
  const names = Array.from({ length: images.length }, (_, index) => images.name(index));
  const indices = new Map(names.map((name, index) => [name, index]));
  // Some systems store accents apart from their letters, and lists are written with them together.
  const composed = new Map(names.map((name, index) => [name.normalize("NFC"), index]));
  const entries = isList ? await readEntries(file) : await entriesOf(file, opening);
  return entries.map((entry, i) => {
    const where = `alarms.audited: ${file}: entry ${i + 1}`;
    const { success, data, error } = Entry.safeParse(entry);
    if (!success) {
      const { path, message } = error.issues[0] as z.core.$ZodIssue;
      const problem = [path.join("."), message].filter(Boolean).join(": ");
      throw new VisplayError("config", `${where}: ${problem}; expected {image, question, answer}`);
    }
    const image = indices.get(data.image) ?? composed.get(data.image.normalize("NFC"));
    if (image === undefined) {
      const example = images.length > 0 ? `, such as ${images.name(0)}` : "";
      throw new VisplayError(
        "config",
        `${where}: found ${data.image}, expected an image of the run${example}`,
      );
    }
    return { image, question: data.question, answer: answerText(data.answer) };
  });
}

/** YAML reads yes and no as words, true and false as booleans; questions are answered by the words. */
function answerText(answer: string | number | boolean): string {
  return typeof answer === "boolean" ? (answer ? "yes" : "no") : String(answer);
}

/** The rows of data as entries; those that are broken are said and left out. */
async function entriesOf(data: string, opening: Opening): Promise<unknown[]> {
  const set = await openUserData(data, null, opening);
  const { rows, broken } = await labelledRows(set, { signal: opening.signal });
  sayBroken(set.name, broken, opening.say);
  return rows.map(({ image, question, answers: [answer] }) => ({ image: image.name, question, answer }));
}

async function readEntries(file: string): Promise<unknown[]> {
  try {
    const content = await readFile(file, "utf8");
    if (/\.(jsonl|ndjson)$/i.test(file)) {
      return content
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map((line) => JSON.parse(line));
    }
    const entries: unknown = parse(content);
    if (Array.isArray(entries)) return entries;
    throw new Error("expected a list");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const problem = code === "ENOENT" ? "no such file" : message;
    throw new VisplayError("config", `alarms.audited: ${file}: ${problem}`, { cause });
  }
}
