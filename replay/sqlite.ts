import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import Libsql from "libsql";
import { VisplayError } from "../common/errors.ts";

/** What a column can hold. Numbers are bound as reals; a column's affinity makes them integers. */
export type Value = number | string | Uint8Array | null;

export type Row = Readonly<Record<string, Value>>;

/** A prepared statement. */
export interface Statement {
  run(params?: readonly Value[]): { readonly changes: number };
  get<R = Row>(params?: readonly Value[]): R | undefined;
  all<R = Row>(params?: readonly Value[]): R[];
}

/** Statements kept prepared: queries come in many forms, and an inspector runs for days. */
const KEPT_STATEMENTS = 500;

/**
 * SQL of columns whose texts are read as bytes, and come back as texts all the same: libsql ends the process at a text
 * that is not UTF-8, where this is an error "damaged".
 */
export function utf8(...columns: readonly string[]): string {
  return columns
    .map((column) => {
      const [expression, name = column.replace(/^\w+\./, "")] = column.split(" AS ");
      return `CAST(${expression} AS BLOB) AS "${utf8Prefix}${name}"`;
    })
    .join();
}

const utf8Prefix = "utf8 ";

/** SQL of columns that hold no texts: where damage makes one of a value, it comes as its bytes. */
export function numbers(...columns: readonly string[]): string {
  return columns
    .map((column) => {
      const [value, name = column.replace(/^\w+\./, "")] = column.split(" AS ");
      return `iif(typeof(${value}) = 'text', CAST(${value} AS BLOB), ${value}) AS ${name}`;
    })
    .join();
}

/** What only reads. */
export type Queries = Pick<Database, "prepare" | "value">;

/** A connection to one SQLite file, synchronous. Every failure is a `VisplayError` where a user can repair it. */
export class Database implements Disposable {
  readonly path: string;
  readonly #connection: Libsql.Database;
  readonly #statements = new Map<string, Statement>();

  private constructor(path: string, connection: Libsql.Database) {
    this.path = path;
    this.#connection = connection;
  }

  /** Opens for writing: WAL, and what is committed survives the loss of power. Makes the file if there is none. */
  static forWriting(path: string): Database {
    const database = connect(path, path);
    try {
      database.exec("PRAGMA busy_timeout = 5000");
      database.exec("PRAGMA journal_mode = WAL");
      database.exec("PRAGMA synchronous = FULL");
      database.exec("PRAGMA cache_size = -65536");
      return database;
    } catch (error) {
      database[Symbol.dispose]();
      throw error;
    }
  }

  /** Opens for reading, beside a process that writes and after one that crashed. */
  static forReading(path: string): Database {
    const uri = pathToFileURL(resolve(path)).href;
    try {
      return readable(connect(path, `${uri}?mode=ro`));
    } catch (error) {
      if (!(error instanceof VisplayError) || error.code !== "disk") throw error;
      // Where nothing can be written, SQLite cannot keep the index of a WAL; without one it needs none.
      if (existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0) throw unfinished(path, error);
      return readable(connect(path, `${uri}?immutable=1`));
    }
  }

  /** Runs statements that give nothing. */
  exec(sql: string): void {
    this.#guarded(() => this.#connection.exec(sql));
  }

  /** A statement, prepared once. */
  prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    if (this.#statements.size >= KEPT_STATEMENTS) this.#statements.clear();
    const inner = this.#guarded(() => this.#connection.prepare<Value[]>(sql));
    const statement: Statement = {
      run: (params = []) => this.#guarded(() => inner.run(params.map(bound) as never)),
      get: <R>(params: readonly Value[] = []) => {
        const row = this.#guarded(() => inner.get(params.map(bound) as never));
        return row === undefined ? undefined : (restored(row) as R);
      },
      all: <R>(params: readonly Value[] = []) =>
        this.#guarded(() => inner.all(params.map(bound) as never)).map(restored) as R[],
    };
    this.#statements.set(sql, statement);
    return statement;
  }

  /** One value: the first column of the first row. */
  value<V extends Value>(sql: string, params: readonly Value[] = []): V | null {
    const row = this.#guarded(() =>
      this.#connection
        .prepare<Value[]>(sql)
        .raw()
        .get(params as never),
    );
    return ((row as V[] | undefined)?.[0] as V | undefined) ?? null;
  }

  /** All that `work` writes, or nothing. */
  transaction<T>(work: () => T): T {
    return this.#bracketed("BEGIN IMMEDIATE", "COMMIT", work);
  }

  /** All that `work` reads, as of one moment. */
  snapshot<T>(work: () => T): T {
    // There is nothing to keep, and a COMMIT fails where a query before it met damage.
    return this.#bracketed("BEGIN", "ROLLBACK", work);
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#connection.close();
  }

  #bracketed<T>(begin: string, end: string, work: () => T): T {
    this.exec(begin);
    try {
      const result = work();
      this.exec(end);
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some errors, such as a full disk.
      if (this.#connection.inTransaction) this.exec("ROLLBACK");
      throw error;
    }
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw sqliteError(this.path, error);
    }
  }

  /** @internal */
  static around(path: string, connection: Libsql.Database): Database {
    return new Database(path, connection);
  }
}

function connect(path: string, name: string): Database {
  try {
    return Database.around(path, new Libsql(name));
  } catch (cause) {
    throw new VisplayError("disk", `could not open ${path}; check that its folder can be written`, { cause });
  }
}

/** Reads something, so that whatever prevents it shows now. */
function readable(database: Database): Database {
  database.exec("PRAGMA busy_timeout = 5000");
  database.exec("PRAGMA mmap_size = 2147418112");
  database.exec("PRAGMA temp_store = MEMORY");
  const read = () => database.value("SELECT count(*) FROM sqlite_schema");
  try {
    read();
  } catch (error) {
    if (!(error instanceof VisplayError) || error.code !== "damaged") throw error;
    // A file that has lost its end is refused as a whole, unless one is about to repair it.
    database.exec("PRAGMA writable_schema = ON");
    read();
  }
  return database;
}

function unfinished(path: string, cause: Error): VisplayError {
  const found = `${path}-wal holds what was written last, and the folder is read-only`;
  return new VisplayError("disk", `${found}; copy the run's folder to where files can be written`, { cause });
}

/** libsql reads texts up to their first NUL; byte 26 (SUBSTITUTE) and a digit stand for it, and for itself. */
const escapes = [
  ["\x1a", "\x1a1"],
  ["\0", "\x1a0"],
] as const;

function bound(value: Value): Value {
  if (typeof value !== "string") return value;
  return escapes.reduce(
    (text, [plain, stored]) => (text.includes(plain) ? text.replaceAll(plain, stored) : text),
    value,
  );
}

/** A row as it was before `bound`, its BLOBs as bytes: libsql gives them as buffers where it gives several rows. */
function restored(row: unknown): unknown {
  const values: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row as Record<string, unknown>)) {
    const known = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
    if (column.startsWith(utf8Prefix)) values[column.slice(utf8Prefix.length)] = unescaped(textOf(known));
    else values[column] = unescaped(known);
  }
  return values;
}

function unescaped(value: unknown): unknown {
  if (typeof value !== "string" || !value.includes("\x1a")) return value;
  return escapes.reduceRight((text, [plain, stored]) => text.replaceAll(stored, plain), value);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: unknown): unknown {
  if (!(bytes instanceof Uint8Array)) return bytes;
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new VisplayError("damaged", "found a text that is not UTF-8", { cause });
  }
}

/** What SQLite's errors mean to a user, by their primary codes (sqlite.org/rescode.html). */
const meanings: Readonly<Record<number, readonly [VisplayError["code"], string]>> = {
  3: ["disk", "access is not permitted; choose another folder with --out"],
  5: ["run", "another process writes into it; let that one end"],
  6: ["run", "another process writes into it; let that one end"],
  8: ["disk", "writing is not permitted; choose another folder with --out"],
  10: ["disk", "reading or writing failed; check the disk"],
  11: ["damaged", "the database is damaged; see `visplay replay check`"],
  13: ["disk", "the disk is full; make room"],
  14: ["disk", "a file could not be opened; check the rights on its folder"],
  26: ["damaged", "found no SQLite database, expected a run's replay"],
};

/** Whether an error only says that another process has the database now. */
export function isBusy(error: unknown): boolean {
  const { rawCode } = ((error as Error | null)?.cause ?? {}) as { rawCode?: unknown };
  return typeof rawCode === "number" && [5, 6].includes(rawCode & 0xff);
}

function sqliteError(path: string, error: unknown): unknown {
  const { rawCode, message } = error as { rawCode?: unknown; message?: string };
  if (error instanceof VisplayError || typeof rawCode !== "number") return error;
  // A generated column met a text that is no JSON; the error has no code of its own.
  const meaning = meanings[message === "malformed JSON" ? 11 : rawCode & 0xff];
  if (!meaning) return error;
  const [code, text] = meaning;
  return new VisplayError(code, `${path}: ${text} (SQLite ${rawCode}: ${message})`, { cause: error });
}
