import { Checksum } from "./checksum.ts";
import { type Database, numbers, type Queries, utf8, type Value } from "./sqlite.ts";

/** An image of a run's own list; its place there is the index that everything in the run means. */
export interface PinnedImage {
  /** As the file is called now. */
  readonly name: string;
  readonly bytes: number;
  /** When the file or its name was last changed, by the file system (ctime), ms since 1970; 0 where it was left out. */
  readonly changedMs: number;
  /** Names its content, see `ImageFile` in images/source.ts; null until the run has seen it. */
  readonly content: string | null;
}

/** What a run is made of, beside its settings. */
export interface Pins {
  /** Null where the run draws its images. */
  readonly images: readonly PinnedImage[] | null;
  /** SHA-256 of all else that results depend on, by name: files of models, prompts, data. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** The pins of a replay; null where an earlier release began it, which had none, or a run that was killed before it had. */
export function restorePins(database: Database): Pins | null {
  const tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'run_inputs'";
  if (database.value<number>(tables) === 0) return null;
  return database.snapshot(() => {
    const inputs = database
      .prepare(`SELECT ${utf8("name", "sha256")} FROM run_inputs`)
      .all<{ name: string; sha256: string }>();
    if (inputs.length === 0) return null;
    const sql = `SELECT ${utf8("name", "content")}, ${numbers("bytes", "changed_ms AS changedMs")} FROM run_images ORDER BY position`;
    const images = database.prepare(sql).all<PinnedImage & Record<string, Value>>();
    return {
      images: images.length === 0 ? null : images,
      inputs: Object.fromEntries(inputs.map(({ name, sha256 }) => [name, sha256])),
    };
  });
}

/** Puts pins in the place of those that there are; part of a transaction. */
export function writePins(database: Database, { images, inputs }: Pins): void {
  database.exec("DELETE FROM run_images");
  const addImage = database.prepare("INSERT INTO run_images VALUES (?, ?, ?, ?, ?, ?)");
  for (const [position, { name, bytes, changedMs: changed_ms, content }] of (images ?? []).entries()) {
    const row = { position, name, bytes, changed_ms, content };
    addImage.run([...Object.values(row), new Checksum().add("run_images", row).value]);
  }
  writeInputs(database, inputs);
}

/** The same of all but images. */
export function writeInputs(database: Database, inputs: Pins["inputs"]): void {
  database.exec("DELETE FROM run_inputs");
  const addInput = database.prepare("INSERT INTO run_inputs VALUES (?, ?, ?)");
  for (const [name, sha256] of Object.entries(inputs))
    addInput.run([name, sha256, new Checksum().add("run_inputs", { name, sha256 }).value]);
}

const rowsOf = {
  run_images: `SELECT ${numbers("position", "bytes", "changed_ms", "crc32")}, ${utf8("name", "content")} FROM run_images`,
  run_inputs: `SELECT ${numbers("crc32")}, ${utf8("name", "sha256")} FROM run_inputs`,
} as const;

/** Notes what an image of the run shows, once it was seen. */
export function pinContent(database: Database, position: number, content: string): void {
  const sql = `${rowsOf.run_images} WHERE position = ? AND content IS NULL`;
  const unseen = database.prepare(sql).get([position]);
  if (!unseen) return;
  const { value } = new Checksum().add("run_images", { ...unseen, content });
  database
    .prepare("UPDATE run_images SET content = ?, crc32 = ? WHERE position = ?")
    .run([content, unseen.crc32 === null ? null : value, position]);
}

/** Which pins are not as they were written; those of earlier releases have no checksums. */
export function damagedPins(database: Queries): string[] {
  const tables = Object.keys(rowsOf) as (keyof typeof rowsOf)[];
  const rows = tables.flatMap((table) =>
    database
      .prepare(rowsOf[table])
      .all()
      .map((row) => ({ table, row })),
  );
  if (rows.every(({ row }) => row.crc32 === null)) return [];
  const damaged = rows.filter(({ table, row }) => new Checksum().add(table, row).value !== row.crc32);
  return damaged.map(({ table, row }) => `${row.name} in ${table} is damaged: its checksum differs`);
}
