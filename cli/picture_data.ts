import { existsSync } from "node:fs";
import { isPictureFolder } from "../data/open.ts";
import { parseHubData } from "../hub/name.ts";
import { type FolderOptions, type FolderSource, openFolder } from "../images/folder.ts";
import type { StoredImage } from "../images/stored_image.ts";
import type { Remark } from "../images/walk.ts";
import { openPool } from "./data.ts";
import { count, plural } from "./format.ts";
import type { Opening } from "./run_images.ts";

/** All pictures of data, be they labelled or not. */
export async function picturesOf(data: string, opening: Opening): Promise<readonly StoredImage[]> {
  if (await holdsRows(data, opening.signal)) return openPool(data, null, opening);
  return (await openPictures(data, {}, opening)).files;
}

/** Whether data is more than a folder of pictures; what is nowhere is a folder that cannot be read. */
export async function holdsRows(data: string, signal: AbortSignal): Promise<boolean> {
  const mayHold = existsSync(data) || data.includes("*") || parseHubData(data) !== undefined;
  return mayHold && !(await isPictureFolder(data, signal));
}

/** Opens a folder of pictures; says which files cannot be used. */
export async function openPictures(
  folder: string,
  options: FolderOptions,
  { say, show, signal }: Opening,
): Promise<FolderSource> {
  const progress = (done: number, total: number): void =>
    show(`looking at images: ${count(done)} of ${count(total)} files`);
  const source = await openFolder(folder, { ...options, signal, progress });
  const { skipped, warnings, copies, ignored } = source;
  sayRemarks("skipped", skipped, say);
  sayRemarks("note", warnings, say);
  const left = `${skipped.length} skipped${copies > 0 ? `, ${count(copies)} with the content of others` : ""}`;
  say(`${folder}: ${plural(source.length, "image")}, ${left}, ${ignored} of other kinds`);
  return source;
}

const maxRemarks = 20;

function sayRemarks(kind: string, remarks: readonly Remark[], say: (line: string) => void): void {
  for (const { name, reason } of remarks.slice(0, maxRemarks)) say(`${kind}: ${name}: ${reason}`);
  if (remarks.length > maxRemarks) say(`${kind}: and ${remarks.length - maxRemarks} more`);
}
