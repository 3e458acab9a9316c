import { createHash } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { diskError } from "../common/disk.ts";
import { VisplayError } from "../common/errors.ts";

/** Where images lie in the folder of a run. */
export const IMAGES_NAME = "images";

/** An image file that lies beside the database. */
export interface StoredImage {
  /** Names its content; episodes do so by it. */
  readonly id: string;
  /** Without a dot. */
  readonly extension: string;
  readonly bytes: number;
  /** Of the file's bytes. */
  readonly sha256: Uint8Array;
}

/** The path of an image in a run's folder. Throws "damaged" for what names no file there, wherever it was read. */
export function imagePath(folder: string, { id, extension }: Pick<StoredImage, "id" | "extension">): string {
  if (isName(id, extension)) return join(folder, IMAGES_NAME, `${id}.${extension}`);
  const found = JSON.stringify(`${id}.${extension}`);
  throw new VisplayError("damaged", `found image name ${found}, expected letters and digits`);
}

function isName(id: string, extension: string): boolean {
  return /^[\w-]+$/.test(id) && /^[a-z0-9]+$/.test(extension);
}

/** Writes an image so that it lies there whole, also after a loss of power, or not at all. Throws "disk". */
export function writeImage(
  folder: string,
  image: Pick<StoredImage, "id" | "extension">,
  content: Uint8Array,
): StoredImage {
  if (!isName(image.id, image.extension)) {
    throw new VisplayError(
      "images",
      `found image name ${image.id}.${image.extension}, expected letters and digits`,
    );
  }
  const path = imagePath(folder, image);
  const temporary = `${path}.tmp`;
  try {
    mkdirSync(join(folder, IMAGES_NAME), { recursive: true });
    writeDurably(temporary, content);
    renameSync(temporary, path);
    syncFolder(join(folder, IMAGES_NAME));
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw diskError(path, cause);
  }
  return { ...image, bytes: content.length, sha256: sha256Of(content) };
}

function sha256Of(content: Uint8Array): Uint8Array {
  return createHash("sha256").update(content).digest();
}

/** Makes the names in a folder survive a loss of power; Windows does that by itself. */
export function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function writeDurably(path: string, content: Uint8Array): void {
  const file = openSync(path, "w");
  try {
    for (let start = 0; start < content.length; ) start += writeSync(file, content, start);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
