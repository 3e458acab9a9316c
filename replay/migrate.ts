import { VisplayError } from "../common/errors.ts";
import { migrations } from "./migrations.ts";
import type { Database } from "./sqlite.ts";

/** Marks the file as a replay ("vply"), whatever its name. */
const APPLICATION_ID = 0x76_70_6c_79;

/** Brings a database to the newest version, all or nothing. Throws "run" for a newer one or a foreign file. */
export function migrate(database: Database, scripts: readonly string[] = migrations): void {
  // A table that others refer to can only be made anew while nobody looks; a transaction cannot change that.
  database.exec("PRAGMA foreign_keys = OFF");
  try {
    database.transaction(() => {
      const version = versionOf(database, scripts.length);
      if (version === scripts.length) return;
      for (const script of scripts.slice(version)) database.exec(script);
      database.exec(`PRAGMA user_version = ${scripts.length}`);
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    });
  } finally {
    database.exec("PRAGMA foreign_keys = ON");
  }
}

/** The version of a database's tables, 0 for an empty one. Throws "run" where this program cannot read it. */
export function versionOf(database: Database, newest: number = migrations.length): number {
  const version = database.value<number>("PRAGMA user_version") ?? 0;
  const application = database.value<number>("PRAGMA application_id") ?? 0;
  const isEmpty = database.value<number>("SELECT count(*) FROM sqlite_schema") === 0;
  if (!isEmpty && application !== APPLICATION_ID) {
    throw new VisplayError("run", `${database.path}: found a database of another program, expected a replay`);
  }
  if (version > newest) {
    const found = `found version ${version} of the replay's tables, expected at most ${newest}`;
    throw new VisplayError("run", `${database.path}: ${found}; read it with the release that wrote it`);
  }
  return version;
}
