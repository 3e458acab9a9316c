import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { VisplayError } from "../../common/errors.ts";
import { hashFile } from "../../common/file_hash.ts";
import { legs } from "../../replay/stages.ts";
import type { Position } from "../run_state.ts";

/** The manifest's name in the folder of a checkpoint. */
export const manifestName: string = "manifest.json";

const Count: z.ZodType<number> = z.int().nonnegative();

/** What a checkpoint consists of, and what its files must hash to. */
export interface Manifest {
  readonly version: 1;
  readonly id: string;
  /** When it was written, ISO 8601. */
  readonly writtenAt: string;
  /** How often the run had been started. */
  readonly attempt: number;
  /** The step that comes next. */
  readonly next: Position;
  /** What the last evaluation came to, percent. */
  readonly score: number | null;
  /** Every other file of the checkpoint. */
  readonly files: readonly FileRecord[];
}

/** One file of a checkpoint. */
export interface FileRecord {
  /** Relative to the checkpoint's folder. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

const ManifestSchema: z.ZodType<Manifest> = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  writtenAt: z.string(),
  attempt: Count,
  // Those of a release that knew no stages say none; the form of their state says the rest.
  next: z.strictObject({ stage: Count.default(0), round: Count, leg: z.enum(legs), step: Count }),
  score: z.number().nullable(),
  files: z.array(z.strictObject({ path: z.string(), bytes: Count, sha256: z.string() })),
});

/**
 * The manifest of a checkpoint. Throws "damaged" where it is missing or is none, "disk" where it could not be read,
 * which may pass.
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, manifestName);
  const text = await readFile(path, "utf8").catch((cause) => {
    throw readError(path, cause);
  });
  try {
    return ManifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new VisplayError("damaged", `${path}: ${reason}`, { cause });
  }
}

/** "damaged" where a file is not there, "disk" where it may be read another time: too many files are open, say. */
function readError(path: string, cause: unknown): VisplayError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const isGone = code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR";
  if (isGone) return new VisplayError("damaged", `${path}: ${message}`, { cause });
  return new VisplayError("disk", `could not read ${path}: ${message}; try again`, { cause });
}

/** All files below a folder with their hashes, sorted by path; those that are `known` are not read again. */
export async function hashFiles(folder: string, known: readonly FileRecord[] = []): Promise<FileRecord[]> {
  const records = new Map(known.map((record) => [record.path, record]));
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name !== manifestName)
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  const files: FileRecord[] = [];
  for (const path of paths) files.push(records.get(path) ?? (await recordOf(folder, path)));
  return files;
}

async function recordOf(folder: string, path: string): Promise<FileRecord> {
  const { size } = await stat(join(folder, path));
  const hash = await hashFile(join(folder, path));
  return { path, bytes: size, sha256: hash.digest("hex") };
}

/**
 * Compares a checkpoint with its manifest. Throws "damaged" that names the first file that differs, "disk" where one
 * could not be read.
 */
export async function verify(folder: string, { files }: Pick<Manifest, "files">): Promise<void> {
  for (const { path, bytes, sha256 } of files) {
    const found = await recordOf(folder, path).catch((cause) => {
      throw readError(join(folder, path), cause);
    });
    if (found.bytes !== bytes)
      throw new VisplayError("damaged", `${join(folder, path)} has ${found.bytes} bytes; expected ${bytes}`);
    if (found.sha256 !== sha256)
      throw new VisplayError("damaged", `${join(folder, path)} is damaged: its hash is not the manifest's`);
  }
}
