import { VisplayError } from "../common/errors.ts";
import { PLACES } from "./schema.ts";
import type { Database, Queries } from "./sqlite.ts";

/** What `read` gives, or the damage that it meets. */
export function tolerant<T>(read: () => T): T | VisplayError {
  try {
    return read();
  } catch (error) {
    if (error instanceof VisplayError) return error;
    throw error;
  }
}

/**
 * What `read` gives of these numbers, which it gives in their order, as far as it can be read: what fails together is read
 * by halves, and in place of what fails alone stands what `lost` gives.
 */
export function readable<T>(
  ids: readonly number[],
  read: (some: readonly number[]) => readonly T[],
  lost: (id: number, error: VisplayError) => readonly T[],
): readonly T[] {
  const found = tolerant(() => read(ids));
  if (!(found instanceof VisplayError)) return found;
  if (found.code !== "damaged") throw found;
  if (ids.length <= 1) return ids.flatMap((id) => lost(id, found));
  const middle = ids.length >> 1;
  return [ids.slice(0, middle), ids.slice(middle)].flatMap((half) => readable(half, read, lost));
}

/** The value of a text of JSON. Throws "damaged" where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VisplayError("damaged", `found ${JSON.stringify(text)}, expected JSON`, { cause });
  }
}

/** SQL for numbers from ?1 to ?2 that does not look at what follows a single one, which may be damaged. */
export const idsBetween = "id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?2 - ?1 + 1";

/** Numbers that are gone through at once. */
const AT_ONCE = 4096;

/** All numbers from `first` to `last`, some thousand at a time. */
export function* stretches(first: number, last: number): Generator<readonly number[]> {
  for (let from = first; from <= last; from += AT_ONCE)
    yield Array.from({ length: Math.min(AT_ONCE, last - from + 1) }, (_, i) => from + i);
}

/** The last event that anything tells of: where the end of one table is damaged, others still name it. */
export function lastEvent(database: Queries): number {
  const sources = [
    "SELECT max(id) FROM events",
    "SELECT max(id) FROM episodes",
    "SELECT max(event) FROM checksums",
    "SELECT CAST(max(episode) AS INTEGER) FROM measures",
    `SELECT max(id) / ${PLACES} FROM rollouts`,
  ];
  const found = sources.map((sql) => tolerant(() => database.value<number>(sql) ?? 0));
  return Math.max(0, ...found.filter((value) => typeof value === "number"));
}

/** Numbers from `first` on that stand in damaged parts of a table, without those that the other table has. */
export function lostIds(database: Database, table: "events" | "episodes", first: number): number[] {
  const other = table === "events" ? "episodes" : "events";
  const within = (name: string) => database.prepare(`SELECT id FROM ${name} NOT INDEXED WHERE ${idsBetween}`);
  const lost: number[] = [];
  const isThere = (id: number) => {
    const found = tolerant(() => within(other).all([id, id]));
    return !(found instanceof VisplayError) && found.length > 0;
  };
  for (const ids of stretches(first, lastEvent(database)))
    readable(
      ids,
      (some) => within(table).all([some[0] as number, some.at(-1) as number]),
      (id) => {
        if (!isThere(id)) lost.push(id);
        return [];
      },
    );
  return lost;
}
