import { stat } from "node:fs/promises";
import type { ImageLimits } from "./decode.ts";
import type { FilePath } from "./walk.ts";

/** A picture that a list may name, wherever its bytes lie. */
export interface StoredImage {
  /** For people, and unlike those of the others: a path, or a file and a row. */
  readonly name: string;
  /** Of the picture, or of the file that holds it among others. */
  readonly bytes: number;
  /** Whether `bytes` are those of the picture alone, so that another number means another picture. */
  readonly standsAlone: boolean;
  /** When its file was last changed, by the file system (ctime), ms since 1970. */
  readonly changedMs: number;
  /** The id of its content, see `ImageFile`. Rejects where it cannot be read. */
  content(): Promise<string>;
  /** Whether its file is as it was found, by size and time of change; false where that is not known. */
  isUntouched(): Promise<boolean>;
  /** Its bytes, as their format has them. Throws a `VisplayError` of code "images" where they cannot be had. */
  read(limits: ImageLimits): Promise<Uint8Array>;
}

/** Whether a file has the size and the time of change (ctime, ms) that it had. */
export async function isAsItWas(
  path: FilePath,
  had: { readonly bytes: number; readonly changedMs: number },
): Promise<boolean> {
  const now = await stat(path).catch(() => null);
  return now?.size === had.bytes && now.ctimeMs === had.changedMs;
}
