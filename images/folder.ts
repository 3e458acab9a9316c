import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { VisplayError } from "../common/errors.ts";
import { decodeImage, defaultLimits, type ImageLimits, inspectFile, readImage } from "./decode.ts";
import { claimedFormat, extensionOf, type ImageFormat, sniff, supported } from "./format.ts";
import { contentId, type ImageSource, type Picture } from "./image.ts";

/** Something that the user may want to know about one file. */
export interface Remark {
  /** Path relative to the folder, with forward slashes. */
  readonly name: string;
  readonly reason: string;
}

export interface FolderOptions extends Partial<ImageLimits> {
  /** Files checked at the same time while opening; 8 by default. */
  readonly concurrency?: number;
  /** Stops the opening of a large folder, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The images of a folder and its sub-folders, sorted by name; only the names are held in memory. */
export interface FolderSource extends ImageSource {
  /** Files that are, or claim to be, images but cannot be used. */
  readonly skipped: readonly Remark[];
  /** Images that are used although something is odd: the content disagrees with the extension. */
  readonly warnings: readonly Remark[];
  /** How many other files there are (captions, lists, notes). */
  readonly ignored: number;
}

/**
 * Opens a folder of images; every file's header is checked, hidden files are left out, links are followed once.
 * An image that is only found damaged when decoded makes `load` reject: count it and go on.
 * Throws a `VisplayError` of code "images" if the folder cannot be read or holds no usable image.
 */
export async function openFolder(folder: string, options: FolderOptions = {}): Promise<FolderSource> {
  const { concurrency = 8, signal, ...overrides } = options;
  const limits = { ...defaultLimits, ...overrides };
  const contents: Contents = { names: [], skipped: [], warnings: [], ignored: 0 };

  const files = await listFiles(folder, contents.skipped, signal);
  await forEachConcurrently(files, concurrency, async (name) => {
    signal?.throwIfAborted();
    const found = await inspectFile(join(folder, name), limits);
    const claimed = claimedFormat(name);
    if (!("refused" in found)) {
      contents.names.push(name);
      if (claimed !== found.format) {
        const reason = `the content is ${found.format}, the extension "${extname(name)}"`;
        contents.warnings.push({ name, reason });
      }
    } else if (claimed) contents.skipped.push({ name, reason: found.refused });
    else contents.ignored++;
  });

  const source = new Folder(folder, limits, contents);
  if (source.length === 0) throw nothingUsable(folder, files.length, source.skipped);
  return source;
}

interface Contents {
  readonly names: string[];
  readonly skipped: Remark[];
  readonly warnings: Remark[];
  ignored: number;
}

class Folder implements FolderSource {
  readonly skipped: readonly Remark[];
  readonly warnings: readonly Remark[];
  readonly ignored: number;
  readonly #folder: string;
  readonly #limits: ImageLimits;
  readonly #names: readonly string[];

  constructor(folder: string, limits: ImageLimits, contents: Contents) {
    this.#folder = folder;
    this.#limits = limits;
    this.#names = contents.names.sort();
    this.skipped = contents.skipped.sort(byName);
    this.warnings = contents.warnings.sort(byName);
    this.ignored = contents.ignored;
  }

  get length(): number {
    return this.#names.length;
  }

  name(index: number): string {
    const name = this.#names[index];
    if (name === undefined) throw new RangeError(`image ${index} of ${this.length}`);
    return name;
  }

  async load(index: number): Promise<Picture> {
    const bytes = await readImage(join(this.#folder, this.name(index)), null, this.#limits);
    const image = await decodeImage(bytes, null, this.#limits);
    const extension = extensionOf(sniff(bytes) as ImageFormat);
    return { image, file: { id: contentId(bytes), extension, bytes: async () => bytes } };
  }
}

/** Relative paths of all files below a folder; folders that cannot be read are added to `skipped`. */
async function listFiles(folder: string, skipped: Remark[], signal?: AbortSignal): Promise<string[]> {
  const files: string[] = [];
  const visited = new Set<string>();

  async function visit(prefix: string): Promise<void> {
    signal?.throwIfAborted();
    const path = join(folder, prefix);
    const real = await realpath(path);
    if (visited.has(real)) return;
    visited.add(real);
    const entries = (await readdir(path, { withFileTypes: true })).filter(
      (entry) => !entry.name.startsWith("."),
    );
    for (const entry of entries.sort(byName)) {
      const name = prefix + entry.name;
      const isFolder =
        entry.isDirectory() || (entry.isSymbolicLink() && (await pointsToFolder(join(folder, name))));
      if (!isFolder) files.push(name);
      else {
        await visit(`${name}/`).catch((error: NodeJS.ErrnoException) => {
          if (!error.syscall) throw error;
          skipped.push({ name: `${name}/`, reason: `found a folder that cannot be read (${error.code})` });
        });
      }
    }
  }

  await visit("").catch((cause: NodeJS.ErrnoException) => {
    if (!cause.syscall) throw cause;
    const found = cause.code === "ENOENT" ? "nothing" : cause.code === "ENOTDIR" ? "a file" : cause.code;
    throw new VisplayError("images", `${folder}: found ${found}, expected a folder of images`, { cause });
  });
  return files;
}

async function pointsToFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (target) => target.isDirectory(),
    () => false,
  );
}

async function forEachConcurrently<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>) {
  const remaining = items.values();
  await Promise.all(
    Array.from({ length: limit }, async () => {
      for (const item of remaining) await work(item);
    }),
  );
}

function nothingUsable(folder: string, looked: number, skipped: readonly Remark[]): VisplayError {
  const shown = skipped.slice(0, 5).map(({ name, reason }) => `\n  ${name}: ${reason}`);
  const more = skipped.length > shown.length ? `\n  and ${skipped.length - shown.length} more` : "";
  return new VisplayError(
    "images",
    `${folder}: found no usable image among ${looked} files, expected ${supported}; ` +
      `${skipped.length} refused${shown.join("")}${more}`,
  );
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
