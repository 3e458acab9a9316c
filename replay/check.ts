import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { VisplayError } from "../common/errors.ts";
import { mapInSlices } from "../common/slices.ts";
import { imagePath } from "./image_files.ts";
import { lastEvent, restoreEvent, tolerant } from "./restore.ts";
import { readableVersionOf } from "./schema.ts";
import { Database, utf8 } from "./sqlite.ts";
import { replayIn } from "./writer.ts";

/** What is wrong with a replay, and what can still be read of it. */
export interface Inspection {
  /** What SQLite says about the file; empty where it is whole. */
  readonly database: readonly string[];
  readonly events: Tally;
  readonly images: Tally;
}

/** How many there are, and which of them are damaged. */
export interface Tally {
  readonly total: number;
  readonly damaged: readonly Damage[];
}

/** What is damaged, and how. */
export interface Damage {
  /** An event's number, or an image's file. */
  readonly name: string;
  readonly reason: string;
}

export function isWhole({ database, events, images }: Inspection): boolean {
  return database.length + events.damaged.length + images.damaged.length === 0;
}

/**
 * Looks at everything in a replay: the database's own structure, whether each event can be decoded, and whether
 * each image file is as it was written, by its SHA-256. Throws "notARun" where there is no replay, "run" for a newer
 * one, "damaged" where nothing of it can be read.
 */
export async function inspect(
  folder: string,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Inspection> {
  using database = Database.forReading(replayIn(folder));
  readableVersionOf(database);
  const structure = structureOf(database);
  const events = await eventsOf(database, onProgress);
  return { database: structure, events, images: await imagesOf(database, folder) };
}

function structureOf(database: Database): string[] {
  const found = tolerant(() => database.prepare("PRAGMA integrity_check").all<{ integrity_check: string }>());
  if (found instanceof VisplayError) return [originOf(found)];
  return found.map((row) => row.integrity_check).filter((line) => line !== "ok");
}

async function eventsOf(
  database: Database,
  onProgress: (done: number, total: number) => void,
): Promise<Tally> {
  const total = lastEvent(database);
  const damaged: Damage[] = [];
  const ids = Array.from({ length: total }, (_, i) => i + 1);
  await mapInSlices(ids, (id) => {
    const found = tolerant(() => restoreEvent(database, id));
    const reason = found instanceof VisplayError ? originOf(found) : found ? undefined : "it is missing";
    if (reason) damaged.push({ name: String(id), reason });
    onProgress(id, total);
  });
  return { total, damaged };
}

async function imagesOf(database: Database, folder: string): Promise<Tally> {
  const sql = `SELECT ${utf8("content AS id", "extension")}, sha256 FROM image_files ORDER BY content`;
  const files = tolerant(() =>
    database.prepare(sql).all<{ id: string; extension: string; sha256: Uint8Array }>(),
  );
  if (files instanceof VisplayError) {
    return { total: 0, damaged: [{ name: "image_files", reason: originOf(files) }] };
  }
  const damaged: Damage[] = [];
  for (const file of files) {
    const name = imagePath(folder, file);
    const reason = await whatIsWrong(name, file.sha256);
    if (reason) damaged.push({ name, reason });
  }
  return { total: files.length, damaged };
}

async function whatIsWrong(path: string, sha256: Uint8Array): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? "the file is missing" : message;
  }
  return hash.digest().equals(sha256) ? undefined : "the file is not the one that was written";
}

/** What an error began with: the report says itself where, and the user is looking already. */
function originOf({ message, cause }: Error): string {
  return cause instanceof Error ? originOf(cause) : message;
}
