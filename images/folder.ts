import { extname } from "node:path";
import { VisplayError } from "../common/errors.ts";
import { groupCopies } from "./content.ts";
import { defaultLimits, type ImageLimits } from "./decode.ts";
import { type FolderFile, inspect } from "./folder_file.ts";
import { claimedFormat, supported } from "./format.ts";
import { type ListedImage, ListedImages } from "./listed_images.ts";
import type { ScaledPictures } from "./scaled_pictures.ts";
import type { ImageSource } from "./source.ts";
import { byName, type FoundFile, type Remark, walk } from "./walk.ts";

export interface FolderOptions extends Partial<ImageLimits> {
  /** Whether links that lead out of the folder are followed, too; false by default. */
  readonly followLinks?: boolean;
  /** Names of files that stay although others have their content. */
  readonly preferred?: ReadonlySet<string>;
  /** Where pictures are kept that were scaled down; nowhere by default. */
  readonly scaled?: ScaledPictures | null;
  /** Files checked at the same time while opening; 8 by default. */
  readonly concurrency?: number;
  /** Stops the opening of a large folder, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told how many of how many files were looked at. */
  readonly progress?: (done: number, total: number) => void;
}

/** The images of a folder and its sub-folders, sorted by name; only what the folder says of them is held in memory. */
export interface FolderSource extends ImageSource {
  /** The files of all images, in their order. */
  readonly files: readonly FolderFile[];
  /** Files that are, or claim to be, images but cannot be used. */
  readonly skipped: readonly Remark[];
  /** Images that are used although something is odd: the content disagrees with the extension. */
  readonly warnings: readonly Remark[];
  /** Files left out because another one has the same content. */
  readonly copies: number;
  /** How many other files there are (captions, lists, notes). */
  readonly ignored: number;
  /** Images of this folder by a list of their own. */
  select(images: readonly ListedImage[]): ImageSource;
}

/**
 * Opens a folder of images; every file's header is checked, hidden files are left out. An image that is only found
 * damaged when decoded, or that has changed since it was first loaded, makes `load` reject: count it and go on.
 * Throws a `VisplayError` of code "images" if the folder cannot be read or holds no usable image.
 */
export async function openFolder(folder: string, options: FolderOptions = {}): Promise<FolderSource> {
  const {
    concurrency = 8,
    followLinks = false,
    preferred = new Set(),
    scaled = null,
    signal,
    progress = () => {},
    ...overrides
  } = options;
  const limits = { ...defaultLimits, ...overrides };
  const forEach: ForEach = (items, work) =>
    forEachConcurrently(items, concurrency, (item) => {
      signal?.throwIfAborted();
      return work(item);
    });
  const { files, skipped: left } = await walk(folder, {
    followLinks,
    signal,
    found: (total) => progress(0, total),
  });
  const { usable, ignored, ...found } = await examine(files, limits, forEach, progress);
  const skipped = [...left, ...found.skipped].sort(byName);
  if (usable.length === 0) throw noImageError(folder, files.length, skipped);

  const images = await withoutCopies(usable.sort(byName), preferred, forEach);
  const select = (list: readonly ListedImage[]) => new ListedImages(list, limits, scaled);
  const source = select(images.map((file) => ({ name: file.name, file, content: null })));
  const warnings = found.warnings.sort(byName);
  const copies = usable.length - images.length;
  return Object.assign(source, { files: images, skipped, warnings, copies, ignored, select });
}

/** Works through a list, some items at a time, and stops where that is wanted. */
type ForEach = <T>(items: readonly T[], work: (item: T) => Promise<void>) => Promise<void>;

/** What of the files that were found can be used. */
async function examine(
  files: readonly FoundFile[],
  limits: ImageLimits,
  forEach: ForEach,
  progress: (done: number, total: number) => void,
) {
  const usable: FolderFile[] = [];
  const skipped: Remark[] = [];
  const warnings: Remark[] = [];
  let ignored = 0;
  let done = 0;
  await forEach(files, async (found) => {
    const { name } = found;
    const claimed = claimedFormat(name);
    const inspected = await inspect(found, limits);
    progress(++done, files.length);
    if ("refused" in inspected) {
      if (claimed) skipped.push({ name, reason: inspected.refused });
      else ignored++;
      return;
    }
    const { file, format } = inspected;
    usable.push(file);
    if (claimed !== format)
      warnings.push({ name, reason: `the content is ${format}, the extension "${extname(name)}"` });
  });
  return { usable, skipped, warnings, ignored };
}

/** Copies of what is there already leave; those with preferred names stay. */
async function withoutCopies(
  files: readonly FolderFile[],
  preferred: ReadonlySet<string>,
  forEach: ForEach,
): Promise<FolderFile[]> {
  const copies = (await groupCopies(files, forEach)).flatMap((group) => {
    const others = group.filter(({ name }) => !preferred.has(name));
    return others.length < group.length ? others : others.slice(1);
  });
  const left = new Set(copies);
  return files.filter((file) => !left.has(file));
}

async function forEachConcurrently<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>) {
  const remaining = items.values();
  await Promise.all(
    Array.from({ length: limit }, async () => {
      for (const item of remaining) await work(item);
    }),
  );
}

function noImageError(folder: string, looked: number, skipped: readonly Remark[]): VisplayError {
  const shown = skipped.slice(0, 5).map(({ name, reason }) => `\n  ${name}: ${reason}`);
  const more = skipped.length > shown.length ? `\n  and ${skipped.length - shown.length} more` : "";
  return new VisplayError(
    "images",
    `${folder}: found no usable image among ${looked} files, expected ${supported}; ` +
      `${skipped.length} refused${shown.join("")}${more}`,
  );
}
