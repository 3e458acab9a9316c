import { rename, rm, writeFile } from "node:fs/promises";
import { VisplayError } from "../common/errors.ts";

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
  const temporary = `${path}.tmp`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw diskError(path, cause);
  }
}
