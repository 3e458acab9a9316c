import { stat } from "node:fs/promises";
import { VisplayError } from "../../common/errors.ts";
import { freeBytes } from "../../common/free_bytes.ts";
import type { FormatRules } from "./formats.ts";
import type { PictureOptions } from "./picture.ts";
import type { ExportItem } from "./record.ts";

/** Of a row beside its picture, about. */
const rowBytes = 500;
/** Of a pixel that is coded anew, at most. */
const pixelBytes = 3;

/**
 * Throws "disk" where a folder has no room for items in all of these formats, of which some hold a picture in each of its
 * rows, others once.
 */
export async function requireRoom(
  folder: string,
  items: readonly ExportItem[],
  rules: readonly FormatRules[],
  { maxPixels }: Pick<PictureOptions, "maxPixels">,
  free: (folder: string) => Promise<number> = freeBytes,
): Promise<void> {
  const most = maxPixels === null ? Number.POSITIVE_INFINITY : maxPixels * pixelBytes;
  const sizes = new Map<string, number>();
  let inRows = 0;
  for (const { file } of items) {
    if (file === null) continue;
    const size = sizes.get(file) ?? Math.min(most, (await stat(file).catch(() => null))?.size ?? 0);
    sizes.set(file, size);
    inRows += size;
  }
  const once = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const needed = rules.reduce(
    (sum, { repeatsPictures }) => sum + items.length * rowBytes + (repeatsPictures ? inRows : once),
    0,
  );
  const left = await free(folder);
  if (needed <= left) return;
  const found = `${megabytes(left)} MB are free there, and the export takes about ${megabytes(needed)} MB`;
  const remedy = "make room, choose another folder with --out, or fewer formats, --max or --max-pixels";
  throw new VisplayError("disk", `could not write ${folder}: ${found}; ${remedy}`);
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1e6);
}
