import { VisplayError } from "../common/errors.ts";
import { versionOf } from "./migrate.ts";
import { columnsTable, eleventhTables, fifthTables, migrations, seventhPhases } from "./migrations.ts";
import type { Database } from "./sqlite.ts";

/** The oldest version that is read as it is; older ones are brought up to date when their run goes on. */
const OLDEST_READABLE = 3;

/**
 * The version of the tables of a database that is open for reading. What an older one lacks is there from now on, and
 * empty. Throws "run" for one that is too old, or newer than this program.
 */
export function readableVersionOf(database: Database): number {
  const version = versionOf(database);
  if (version < OLDEST_READABLE) {
    const found = `found version ${version} of the replay's tables, expected ${OLDEST_READABLE} to ${migrations.length}`;
    const remedy = "read it, and go on with it, with the release that wrote it";
    throw new VisplayError("run", `${database.path}: ${found}; ${remedy}`);
  }
  if (version < 5)
    database.exec(
      `${temporary(fifthTables)} ${addedColumns.curriculum.map(({ column }) => `ALTER TABLE temp.curriculum ADD COLUMN ${column};`).join(" ")}`,
    );
  if (version < 7) database.exec(temporary(seventhPhases));
  if (version < 11) database.exec(temporary(eleventhTables));
  for (const [table, added] of Object.entries(addedColumns)) {
    const isThere = table !== "curriculum" || version >= 5;
    const lacking = added
      .filter(({ since }) => isThere && version < since)
      .map(({ column }) => `NULL AS ${column}`);
    if (lacking.length > 0)
      database.exec(`CREATE TEMP VIEW ${table} AS SELECT *, ${lacking} FROM main.${table}`);
  }
  return version;
}

/** Columns that older tables lack, and the version that brought them. */
const addedColumns = {
  episodes: [
    { column: "versions", since: 7 },
    { column: "turns", since: 10 },
    { column: "tools", since: 11 },
  ],
  rollouts: [
    { column: "reference_log_probs", since: 8 },
    { column: "trajectory", since: 10 },
    { column: "verified", since: 11 },
    { column: "attribution", since: 11 },
    { column: "described", since: 11 },
    { column: "solution", since: 12 },
  ],
  curriculum: [
    { column: "solution", since: 12 },
    { column: "description", since: 13 },
  ],
  answers: [
    { column: "trajectory", since: 11 },
    { column: "verified", since: 11 },
  ],
} as const;

/** Makes a database that is open for reading one without stored columns: all that they hold is read from the episodes. */
export function disregardColumns(database: Database): void {
  database.exec(temporary(columnsTable));
  database.exec("CREATE INDEX temp.columns_ranges ON columns (figure, first, phase, last, least, greatest)");
}

/** They come before tables of the same name in the file, which stays as it is. */
function temporary(script: string): string {
  return script.replaceAll("CREATE TABLE", "CREATE TEMP TABLE");
}
