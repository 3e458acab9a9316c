import { stat } from "node:fs/promises";
import { VisplayError } from "../common/errors.ts";
import { isVideo, sniff } from "./format.ts";
import { readHead } from "./frames.ts";
import { byName, walk } from "./walk.ts";

/** A video or an animation. */
export interface Film {
  /** Relative to its folder, with forward slashes. */
  readonly name: string;
  readonly path: string;
  /** Of its file. */
  readonly bytes: number;
}

/**
 * The videos, and the GIF and WebP files, which may be animations, below a folder, by name. Throws a `VisplayError` of code
 * "images" where the folder cannot be read, or holds none.
 */
export async function findFilms(folder: string, signal?: AbortSignal): Promise<Film[]> {
  const { files } = await walk(folder, { followLinks: false, signal, found: () => {} });
  const films: Film[] = [];
  for (const { name, path, isRegular } of files.sort(byName)) {
    if (!isRegular || typeof path !== "string") continue;
    const head = await readHead(path);
    const format = sniff(head);
    if (format === "gif" || format === "webp" || isVideo(head))
      films.push({ name, path, bytes: (await stat(path)).size });
  }
  if (films.length > 0) return films;
  const message = `${folder}: found no video, animated GIF or WebP in ${files.length} files, expected some`;
  throw new VisplayError("images", message);
}
