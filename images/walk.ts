import { isUtf8 } from "node:buffer";
import type { Dirent, Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { VisplayError } from "../common/errors.ts";

/** A path as the file system has it; bytes where they are no UTF-8. */
export type FilePath = string | Buffer;

/** A file below a folder. */
export interface FoundFile {
  /** Relative to the folder, with forward slashes; a byte that is no text stands as \xE9. */
  readonly name: string;
  readonly path: FilePath;
  /** False for a device, a pipe, a link to nothing: to open those could wait for ever. */
  readonly isRegular: boolean;
}

/** Something that the user may want to know about one file. */
export interface Remark {
  /** Path relative to the folder, with forward slashes. */
  readonly name: string;
  readonly reason: string;
}

export interface WalkOptions {
  /** Whether links that lead out of the folder are followed, too. */
  readonly followLinks: boolean;
  readonly signal: AbortSignal | undefined;
  /** Told how many files were found so far. */
  found(files: number): void;
  /** Ends the walk at the first file that is so; by default, all are listed. */
  until?(file: FoundFile): boolean;
}

/** All files below a folder, and what was left out of it. */
export interface Walk {
  readonly files: FoundFile[];
  readonly skipped: Remark[];
}

/**
 * Lists a folder and its sub-folders without what is hidden. A link is followed if it stays inside the folder, each
 * folder is listed once. Throws a `VisplayError` of code "images" where the folder itself cannot be read.
 */
export async function walk(
  folder: string,
  { followLinks, signal, found, until = () => false }: WalkOptions,
): Promise<Walk> {
  const files: FoundFile[] = [];
  let isOver = false;
  const skipped: Remark[] = [];
  const visited = new Set<string>();
  const root = await real(folder).catch((cause) => refuseRoot(folder, cause));

  async function visit(path: FilePath, prefix: string): Promise<void> {
    signal?.throwIfAborted();
    const place = await real(path);
    if (visited.has(place)) return;
    visited.add(place);
    const entries = await readdir(path, { withFileTypes: true, encoding: "buffer" });
    const shown = entries
      .filter(({ name }) => name[0] !== dot)
      .map((entry) => ({ entry, name: readable(entry.name) }));
    for (const { entry, name } of shown.sort(byName)) {
      if (isOver) return;
      await take(entry, child(path, entry.name), prefix + name);
    }
    found(files.length);
  }

  async function take(entry: Dirent<Buffer>, path: FilePath, name: string): Promise<void> {
    const target = entry.isSymbolicLink() ? await targetOf(path) : undefined;
    if (target && !holds(root, target.place)) {
      const objection = followLinks ? aboutFolderAround(target.place, root) : leadsOut;
      if (objection) {
        skipped.push({ name: target.isDirectory() ? `${name}/` : name, reason: objection });
        return;
      }
    }
    if (!(target ?? entry).isDirectory()) {
      const file = { name, path, isRegular: (target ?? entry).isFile() };
      files.push(file);
      isOver = until(file);
      return;
    }
    await visit(path, `${name}/`).catch((error: NodeJS.ErrnoException) => {
      if (!error.syscall) throw error;
      skipped.push({ name: `${name}/`, reason: `found a folder that cannot be read (${error.code})` });
    });
  }

  await visit(folder, "").catch((cause) => refuseRoot(folder, cause));
  return { files, skipped };
}

const dot = ".".charCodeAt(0);

const leadsOut = "found a link that leads out of the folder; images.followLinks follows it";

function aboutFolderAround(place: string, root: string): string | undefined {
  return holds(place, root) ? "found a link to a folder that holds this one" : undefined;
}

type LinkTarget = Stats & { readonly place: string };

/** What a link leads to; undefined where that is nothing, which whoever opens the file will say. */
async function targetOf(path: FilePath): Promise<LinkTarget | undefined> {
  try {
    return Object.assign(await stat(path), { place: await real(path) });
  } catch {
    return undefined;
  }
}

/** A path without links, a character for each byte. */
async function real(path: FilePath): Promise<string> {
  return (await realpath(path, { encoding: "buffer" })).toString("latin1");
}

/** Whether one real path lies in another, or is it. */
function holds(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function child(parent: FilePath, name: Buffer): FilePath {
  if (typeof parent === "string" && isUtf8(name)) return join(parent, name.toString());
  return Buffer.concat([Buffer.from(parent), Buffer.from(sep), name]);
}

/** A name as text, from which it could be restored. */
function readable(name: Buffer): string {
  if (isUtf8(name)) return name.toString();
  return name
    .toString("latin1")
    .replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}

const rootProblems: Readonly<Record<string, string>> = {
  ENOENT: "found nothing, expected a folder of images",
  ENOTDIR: "found a file, expected a folder of images",
  EACCES: "this user may not read it; grant that (chmod u+rx), or choose another folder with --images",
  EPERM: "this user may not read it; grant that, or choose another folder with --images",
  ELOOP: "found a link that leads to itself, expected a folder of images",
};

function refuseRoot(folder: string, cause: NodeJS.ErrnoException): never {
  if (!cause.syscall) throw cause;
  const problem = rootProblems[cause.code ?? ""] ?? `it cannot be read (${cause.code}); check the disk`;
  throw new VisplayError("images", `${folder}: ${problem}`, { cause });
}

export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
