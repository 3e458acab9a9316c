import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { VisplayError } from "../common/errors.ts";

/** Throws "config" where what is to become a folder is one that holds something, or no folder. */
export async function requireNewFolder(out: string): Promise<void> {
  const files = await readdir(out).catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? [] : [error.code],
  );
  if (files.length > 0) throw notNew(`${out} is not empty; expected a new folder`);
}

/** Throws "config" where what is to become a file is there already. */
export function requireNewFile(out: string): void {
  if (existsSync(out)) throw notNew(`${out} is there already; expected a new file`);
}

function notNew(found: string): VisplayError {
  return new VisplayError("config", `--out ${found}, so that nothing is lost`);
}
