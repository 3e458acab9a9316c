import { createHash } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { threadId } from "node:worker_threads";
import sharp from "sharp";
import { freeBytes } from "../common/free_bytes.ts";
import { inParallel } from "../common/in_parallel.ts";
import { release } from "../common/release.ts";
import type { Recall } from "./decode.ts";
import { imageOf, type RgbImage, type Size } from "./image.ts";
import type { Target } from "./shrink.ts";

/** Left to others on the disk. */
const reserveBytes = 2 ** 31;
/** What a small file takes, with its name. */
const leastBytes = 2 ** 16;
/** How far a full cache is emptied, so that it is not searched for each picture. */
const emptied = 0.9;
const statsAtOnce = 64;
const idLength = 32;

/** Whatever may change a bit of what is decoded: pictures of another release or decoder are others. */
const decoder = createHash("sha256")
  .update(JSON.stringify([release, sharp.versions, process.platform, process.arch]))
  .digest("hex")
  .slice(0, 16);

/**
 * Pictures that were scaled down, as files below a folder that all processes share. It is never in the way: what cannot
 * be written, read, or is not as it was written, is not there.
 *
 * Where it is full, pictures leave that nobody has wanted since this process began, the oldest first; where there are
 * none, no more are kept. So a pool that is larger than the cache, gone through again and again, finds some of its pictures
 * each time, where it would find none if each one drove out the next.
 */
export class ScaledPictures {
  readonly #root: string;
  readonly #mostBytes: number;
  readonly #startedMs: number = Date.now();
  /** What all files take, as far as is known; null before they were counted. */
  #bytes: Promise<number> | null = null;
  #isFull = false;
  #writes = 0;

  /** In a folder "pictures" of the cache folder, at most so many bytes, about. */
  constructor(folder: string, mostBytes: number) {
    this.#root = join(folder, "pictures");
    this.#mostBytes = mostBytes;
  }

  /** How the picture of a file, by its content, is decoded only where it is not kept yet. */
  recall(id: string): Recall {
    return async (target, make) => {
      const known = await this.find(id, target);
      if (known) return known;
      const image = await make();
      await this.keep(id, target, image);
      return image;
    };
  }

  /** A picture by the content of its file, see `ImageFile`, and what it was scaled down to; null where it is not kept. */
  async find(id: string, target: Target): Promise<RgbImage | null> {
    const path = this.#pathOf(id, target);
    const found = await readPicture(path, target, this.#startedMs).catch(() => null);
    if (found === "damaged") await rm(path, { force: true }).catch(() => {});
    return found === "damaged" ? null : found;
  }

  async keep(id: string, target: Target, image: RgbImage): Promise<void> {
    const bytes = fileBytes(target);
    if (this.#isFull || bytes > this.#mostBytes) return;
    try {
      if (!(await this.#makeRoom(bytes))) return;
      const path = this.#pathOf(id, target);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writePicture(path, `${path}.${process.pid}-${threadId}-${this.#writes++}.tmp`, image);
    } catch (error) {
      // Whoever deletes the cache in the meantime does not end it.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#isFull = true;
    }
  }

  #pathOf(id: string, { width, height, filter }: Target): string {
    return join(this.#root, decoder, id.slice(0, 2), `${id}-${width}x${height}-${filter}.rgb`);
  }

  /** Whether there is room for so many bytes more, which are counted then. */
  async #makeRoom(bytes: number): Promise<boolean> {
    if ((await freeBytes(this.#root)) < reserveBytes + bytes) return false;
    this.#bytes ??= this.#files().then((files) => files.reduce((sum, file) => sum + file.bytes, 0));
    if ((await this.#bytes) + bytes > this.#mostBytes) {
      // Others have written, too, and emptied.
      this.#bytes = this.#empty();
      this.#isFull = (await this.#bytes) + bytes > this.#mostBytes;
      if (this.#isFull) return false;
    }
    this.#bytes = this.#bytes.then((sum) => sum + bytes);
    return true;
  }

  /** Deletes what was not wanted since this process began, the oldest first; gives what the rest takes. */
  async #empty(): Promise<number> {
    const files = await this.#files();
    let left = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const used = await inParallel(files, statsAtOnce, async (file) => {
      const { mtimeMs: usedMs } = (await stat(file.path).catch(() => null)) ?? { mtimeMs: 0 };
      return { ...file, usedMs };
    });
    const old = used.filter(({ usedMs }) => usedMs < this.#startedMs).sort((a, b) => a.usedMs - b.usedMs);
    for (const { path, bytes } of old) {
      if (left <= emptied * this.#mostBytes) break;
      await rm(path, { force: true });
      left -= bytes;
    }
    return left;
  }

  async #files(): Promise<{ readonly path: string; readonly bytes: number }[]> {
    const names = await readdir(this.#root, { recursive: true }).catch(() => []);
    return names.flatMap((name) => {
      const [, width, height] = /-(\d+)x(\d+)-\w+\.rgb/.exec(name) ?? [];
      const path = join(this.#root, name);
      return width && height ? [{ path, bytes: fileBytes({ width: +width, height: +height }) }] : [];
    });
  }
}

function fileBytes({ width, height }: Size): number {
  return Math.max(leastBytes, width * height * 3 + idLength);
}

/** The pixels [height, width, 3] and after them the picture's id, by which it is seen whether all are as they were. */
async function writePicture(path: string, temporary: string, { id, data }: RgbImage): Promise<void> {
  try {
    await using file = await open(temporary, "wx", 0o600);
    await file.writeFile(data);
    await file.writeFile(id, "latin1");
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

async function readPicture(
  path: string,
  { width, height }: Size,
  startedMs: number,
): Promise<RgbImage | "damaged"> {
  await using file = await open(path, "r");
  const [data, id] = [new Uint8Array(width * height * 3), Buffer.alloc(idLength)];
  await file.readv([data, id]);
  const image = imageOf(width, height, data);
  if (image.id !== id.toString("latin1")) return "damaged";
  const { mtimeMs } = await file.stat();
  // Once in a process: by that it counts as wanted.
  if (mtimeMs < startedMs) await utimes(path, new Date(), new Date()).catch(() => {});
  return image;
}
