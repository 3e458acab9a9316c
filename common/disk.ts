import { open, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { VisplayError } from "./errors.ts";

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; make room",
  EDQUOT: "the disk quota is used up; make room",
  EROFS: "the file system is read-only; choose another folder with --out",
  EACCES: "writing is not permitted; choose another folder with --out",
  EPERM: "writing is not permitted; choose another folder with --out",
};

/** What a failed write means to a user. */
export function diskError(path: string, cause: unknown): VisplayError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason = (code && remedies[code]) ?? message;
  return new VisplayError("disk", `could not write ${path}: ${reason}`, { cause });
}

/** Writes a file as a whole: whoever reads it sees the old content or the new. Throws "disk". */
export async function replaceFile(path: string, text: string): Promise<void> {
  await replaceThrough(path, text, { file: async () => {}, folder: async () => {} });
}

/** Like `replaceFile`; the new content also survives a loss of power. */
export async function replaceDurably(path: string, text: string): Promise<void> {
  await replaceThrough(path, text, { file: sync, folder: syncFolder });
}

/**
 * Like `replaceFile`, for a text that comes in parts; gives what `make` gives. What a killed one has left beside the file
 * is written over the next time. Throws "disk", or what `make` throws.
 */
export async function replaceInParts<T>(
  path: string,
  make: (write: (text: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const temporary = `${path}.tmp`;
  try {
    const handle = await open(temporary, "w");
    const result = await make((text) => handle.appendFile(text)).finally(() => handle.close());
    await rename(temporary, path);
    return result;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error instanceof Error && "syscall" in error ? diskError(path, error) : error;
  }
}

async function replaceThrough(
  path: string,
  text: string,
  settle: { readonly file: typeof sync; readonly folder: typeof syncFolder },
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await writeFile(temporary, text);
    await settle.file(temporary);
    await rename(temporary, path);
    await settle.folder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw diskError(path, cause);
  }
}

/** Waits until the content of a file is on the disk itself. */
export async function sync(path: string): Promise<void> {
  // Windows flushes only what may be written.
  const handle = await open(path, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Waits until the list of a folder is on the disk itself, where the system and the file system know how. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } catch (error) {
    if (!unsupported.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    await handle.close();
  }
}

/** What network and foreign file systems say to what they have not. */
const unsupported: ReadonlySet<string> = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EPERM"]);
