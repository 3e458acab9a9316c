import { access, readFile, stat } from "node:fs/promises";
import { VisplayError } from "../common/errors.ts";
import { isRecord } from "../common/json.ts";

/** A `VisplayError` of code "model" that names the file. */
export function modelError(path: string, problem: string, cause?: unknown): VisplayError {
  return new VisplayError("model", `${path}: ${problem}`, { cause });
}

/** Runs a read; a file-system error becomes a `VisplayError` of code "model" that names the file. */
export async function tryRead<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    const missing = "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
    throw modelError(
      path,
      missing ? "no such file in the model folder" : `cannot be read: ${error.message}`,
      error,
    );
  }
}

export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Configurations and indices of real models stay below 10 MB. */
const maxJsonBytes = 64 * 2 ** 20;

/**
 * Throws a `VisplayError` of code "model" where `path` is missing, longer than `maxBytes`, or no file: opening a pipe
 * or a device could wait, or read, for ever.
 */
export async function requireFile(path: string, maxBytes: number): Promise<void> {
  const found = await tryRead(path, () => stat(path));
  if (!found.isFile()) throw modelError(path, "is no regular file");
  if (found.size > maxBytes) throw modelError(path, `has ${found.size} bytes; expected at most ${maxBytes}`);
}

/** The text of a file of at most `maxBytes`; throws a `VisplayError` of code "model" where there is none. */
export async function readModelText(path: string, maxBytes: number): Promise<string> {
  await requireFile(path, maxBytes);
  return tryRead(path, () => readFile(path, "utf8"));
}

/** Reads a file that holds one JSON object; throws a `VisplayError` of code "model" if it is missing or broken. */
export async function readModelJson(path: string, maxBytes: number = maxJsonBytes): Promise<JsonFields> {
  return parseModelJson(path, await readModelText(path, maxBytes));
}

/** How a file begins that stands for one in Git's large file storage. */
const pointerStart = "version https://git-lfs";

/** Throws a `VisplayError` of code "model" where a file's first bytes are those of a Git LFS pointer. */
export function refusePointer(path: string, start: string): void {
  if (start.length >= 8 && pointerStart.startsWith(start.slice(0, pointerStart.length)))
    throw modelError(
      path,
      "is a Git LFS pointer, which stands for the file; fetch the file with `git lfs pull` in its folder, or `hf download`",
    );
}

/** Parses the JSON object that `path` holds. */
export function parseModelJson(path: string, text: string): JsonFields {
  refusePointer(path, text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw modelError(path, `not valid JSON (${(error as Error).message})`, error);
  }
  if (!isRecord(value)) throw modelError(path, `holds ${show(value)}; expected a JSON object`);
  return new JsonFields(path, value);
}

/** The bounds of a number, and what it is where the key is absent (nothing: the key is required). */
export interface NumberField {
  readonly default?: number | undefined;
  readonly min: number;
  readonly max: number;
}

/**
 * A JSON object whose fields are read with checks. A null counts as absent, as in Python. Every getter throws a
 * `VisplayError` of code "model" that names file, field, value and expectation.
 */
export class JsonFields {
  readonly file: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Where in the file, such as "text_config."; empty at the top. */
  readonly #prefix: string;

  constructor(file: string, values: Readonly<Record<string, unknown>>, prefix = "") {
    this.file = file;
    this.values = values;
    this.#prefix = prefix;
  }

  /** The value as it stands, undefined where absent or null. */
  get(key: string): unknown {
    return Object.hasOwn(this.values, key) ? (this.values[key] ?? undefined) : undefined;
  }

  /** An error about one field. */
  error(key: string, expected: string): VisplayError {
    const value = this.get(key);
    const found = value === undefined ? "is missing" : `is ${show(value)}`;
    return modelError(this.file, `${cut(`${this.#prefix}${key}`)} ${found}; expected ${expected}`);
  }

  /** A nested object, or undefined where absent. */
  optionalSection(key: string): JsonFields | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (!isRecord(value)) throw this.error(key, "an object");
    return new JsonFields(this.file, value, `${this.#prefix}${key}.`);
  }

  section(key: string): JsonFields {
    const section = this.optionalSection(key);
    if (!section) throw this.error(key, "an object");
    return section;
  }

  number(key: string, { default: fallback, min, max }: NumberField): number {
    const value = this.get(key) ?? fallback;
    if (typeof value === "number" && value >= min && value <= max) return value;
    throw this.error(key, `a number from ${min} to ${max}`);
  }

  integer(key: string, { default: fallback, min, max }: NumberField): number {
    const value = this.get(key) ?? fallback;
    if (isInteger(value, { min, max })) return value;
    throw this.error(key, `a whole number from ${min} to ${max}`);
  }

  /** A list of whole numbers, which is `fallback` where the key is absent (nothing: the key is required). */
  integers(
    key: string,
    field: Omit<NumberField, "default">,
    fallback?: readonly number[],
  ): readonly number[] {
    const value = this.get(key) ?? fallback;
    if (Array.isArray(value) && value.every((n) => isInteger(n, field))) return value;
    throw this.error(key, `a list of whole numbers from ${field.min} to ${field.max}`);
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.get(key) ?? fallback;
    if (typeof value !== "boolean") throw this.error(key, "true or false");
    return value;
  }

  /** One of the values that this program knows. */
  oneOf<T extends string | number | boolean>(key: string, known: readonly T[], fallback?: T): T {
    const value = this.get(key) ?? fallback;
    const match = known.find((candidate) => candidate === value);
    if (match === undefined) throw this.error(key, known.map((candidate) => show(candidate)).join(" or "));
    return match;
  }
}

export function isInteger(value: unknown, { min, max }: Omit<NumberField, "default">): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** A value as JSON, cut to a length that fits into a message. */
export function show(value: unknown): string {
  try {
    return cut(JSON.stringify(value) ?? String(value));
  } catch {
    return "a value nested too deeply to show";
  }
}

function cut(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
