import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join as joinPath, resolve } from "node:path";
import { VisplayError } from "../common/errors.ts";
import { isRecord, parseJson } from "../common/json.ts";
import { claimedFormat } from "../images/format.ts";
import { walk } from "../images/walk.ts";
import type { Mapping } from "./columns.ts";
import { DataSet } from "./data_set.ts";
import { GroupCache } from "./tables/group_cache.ts";
import { join } from "./tables/joined.ts";
import { openJsonLines } from "./tables/json_lines.ts";
import { openCsv, openJsonList } from "./tables/listed.ts";
import { openParquet } from "./tables/parquet.ts";
import type { Table } from "./tables/table.ts";
import { openTar } from "./tables/tar.ts";

export interface DataOptions {
  /** Which columns are what, where their names do not tell. */
  readonly columns?: Partial<Mapping>;
  readonly signal: AbortSignal;
  /** Files of a data set on the hub, by its name; undefined where a text is no such name. */
  readonly onHub: (name: string) => Promise<readonly DataFile[]> | undefined;
}

/** A file and what it is called in messages. */
export interface DataFile {
  readonly name: string;
  readonly path: string;
}

/**
 * Opens labelled or unlabelled data: a Parquet, JSONL, JSON, CSV or tar file, files that one `*` in the last part of a path
 * stands for, a folder of such files or of pictures with `metadata.jsonl` or `metadata.csv` (ImageFolder), or a data set
 * on the hub. Throws "data" where it is none of these or cannot be read.
 */
export async function openData(data: string, options: DataOptions): Promise<DataSet> {
  const files = await filesOf(data, options);
  if (files === null || files.length === 0) {
    const found = files === null ? "no file or folder of that name" : "no file with rows";
    throw new VisplayError("data", `${data}: found ${found}, expected ${forms}`);
  }
  const cache = new GroupCache();
  const tables: Table[] = [];
  for (const { name, path } of files) {
    options.signal.throwIfAborted();
    tables.push(await openFile(path, name, cache));
  }
  return new DataSet(data, join(tables), options.columns);
}

const forms =
  "Parquet, JSONL, tar or CSV files, a folder of them, a folder of pictures with metadata.jsonl, or a hub name (owner/name[@revision][:config][/split])";

type Opener = (path: string, name: string, cache: GroupCache) => Promise<Table>;

/** How files are read, by their extension. */
const openers: Readonly<Record<string, Opener>> = {
  parquet: openParquet,
  jsonl: openJsonLines,
  ndjson: openJsonLines,
  json: openJsonList,
  csv: openCsv,
  tar: openTar,
};

async function openFile(path: string, name: string, cache: GroupCache): Promise<Table> {
  const open = openers[extensionOf(name)];
  if (!open) throw new VisplayError("data", `${name}: found a file of another kind, expected ${forms}`);
  try {
    return await open(path, name, cache);
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (!syscall) throw cause;
    throw new VisplayError("data", `${name}: found a file that cannot be read (${code})`, { cause });
  }
}

function extensionOf(name: string): string {
  return /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
}

/** The files that a text means; null where it means nothing. */
async function filesOf(data: string, { signal, onHub }: DataOptions): Promise<readonly DataFile[] | null> {
  const found = await stat(data).catch(() => null);
  if (found?.isDirectory()) return filesIn(resolve(data), signal);
  if (found) return [{ name: basename(data), path: resolve(data) }];
  if (basename(data).includes("*")) return filesLike(data);
  return (await onHub(data)) ?? null;
}

async function filesLike(pattern: string): Promise<DataFile[]> {
  const folder = dirname(resolve(pattern));
  const [before = "", after = ""] = basename(pattern).split("*");
  const names = await readdir(folder).catch(() => []);
  const alike = names.filter(
    (name) => name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after),
  );
  return alike.sort().map((name) => ({ name, path: joinPath(folder, name) }));
}

/** The files of a folder that hold rows: those of the first kind that is there. */
async function filesIn(folder: string, signal: AbortSignal): Promise<DataFile[]> {
  const { files } = await walk(folder, { followLinks: false, signal, found: () => {} });
  const named = files.flatMap(({ name, path, isRegular }) =>
    isRegular && typeof path === "string" ? [{ name, path }] : [],
  );
  const described = await filesDescribed(named);
  if (described.length > 0) return described;
  const kinds = [
    /(^|\/)metadata\.(jsonl|csv|parquet)$/,
    /\.parquet$/i,
    /\.tar$/i,
    /\.(jsonl|ndjson)$/i,
    /\.csv$/i,
  ];
  const kind = kinds.find((pattern) => named.some(({ name }) => pattern.test(name)));
  return kind ? named.filter(({ name }) => kind.test(name)) : [];
}

/** The files that LLaMA-Factory's `dataset_info.json` lists. */
async function filesDescribed(files: readonly DataFile[]): Promise<DataFile[]> {
  const list = files.find(({ name }) => name === "dataset_info.json");
  const entries = list ? parseJson(await readFile(list.path, "utf8")) : null;
  if (!isRecord(entries)) return [];
  const names = Object.values(entries).flatMap((entry) => (isRecord(entry) ? [entry.file_name] : []));
  return files.filter(({ name }) => names.includes(name));
}

/**
 * Whether a text is a folder of pictures with no files beside that hold pictures themselves: then all pictures below it
 * are its pool, whatever lists describe them.
 */
export async function isPictureFolder(data: string, signal: AbortSignal): Promise<boolean> {
  if (!(await stat(data).catch(() => null))?.isDirectory()) return false;
  const isPicture = ({ name }: { readonly name: string }) => claimedFormat(name) !== null;
  const { files } = await walk(data, { followLinks: false, signal, found: () => {}, until: isPicture });
  return files.some(isPicture) || !files.some(({ name }) => /\.(parquet|tar)$/i.test(name));
}
