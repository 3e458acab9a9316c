import { realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { VisplayError } from "../../common/errors.ts";
import { isRecord } from "../../common/json.ts";
import { contentOf } from "../../images/content.ts";
import { type ImageLimits, readImage } from "../../images/decode.ts";
import { isAsItWas, type StoredImage } from "../../images/stored_image.ts";
import { BrokenRowError } from "./table.ts";

/** The pictures that a cell names: a path, an object with one, or a list of these; none where it is null or missing. */
export async function picturesNamed(folder: string, cell: unknown): Promise<readonly StoredImage[]> {
  return Promise.all(pathsIn(cell).map((path) => pictureFile(folder, path)));
}

function pathsIn(cell: unknown): string[] {
  if (cell === null || cell === undefined) return [];
  if (typeof cell === "string") return [cell];
  if (Array.isArray(cell)) return cell.flatMap(pathsIn);
  const path = isRecord(cell) ? (cell.path ?? cell.image ?? cell.url) : undefined;
  if (typeof path === "string") return [path];
  throw new BrokenRowError("found a picture that is neither a path nor an object with one");
}

/** A picture below a folder. Throws a `BrokenRowError` where it is none of that folder, or not there. */
export async function pictureFile(folder: string, name: string): Promise<StoredImage> {
  const path = within(folder, name);
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) throw new BrokenRowError(`found no picture ${name}`);
  const state = { bytes: found.size, changedMs: found.ctimeMs };
  return {
    ...state,
    name: relative(folder, path).split(sep).join("/"),
    standsAlone: true,
    isUntouched: () => isAsItWas(path, state),
    content: async () => contentOf(await real(folder, path)),
    read: async (limits: ImageLimits) => readImage(await real(folder, path), null, limits),
  };
}

function within(folder: string, name: string): string {
  if (/^(?:https?|data|s3|gs|file):/i.test(name))
    throw new BrokenRowError(`found an address (${name.slice(0, 40)}), expected a path; fetch it first`);
  const path = join(folder, name);
  if (isAbsolute(name) || name.includes("\0") || leadsOut(folder, path))
    throw new BrokenRowError(`found ${name}, which leads out of the folder; expected a path inside`);
  return path;
}

/** The same without links. */
async function real(folder: string, path: string): Promise<string> {
  const [root, place] = await Promise.all([realpath(folder), realpath(path)]).catch((cause) => {
    throw new VisplayError("images", "found no such file", { cause });
  });
  if (leadsOut(root, place)) throw new VisplayError("images", "found a link that leads out of the folder");
  return place;
}

function leadsOut(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way);
}
