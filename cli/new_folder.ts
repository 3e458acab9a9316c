import { readdir } from "node:fs/promises";
import { VisplayError } from "../common/errors.ts";

/** Throws "config" where what is to become a folder is one that holds something, or no folder. */
export async function requireNew(out: string): Promise<void> {
  const files = await readdir(out).catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? [] : [error.code],
  );
  if (files.length === 0) return;
  const found = `--out ${out} is not empty; expected a new folder, so that nothing is lost`;
  throw new VisplayError("config", found);
}
