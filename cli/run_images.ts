import { VisplayError } from "../common/errors.ts";
import type { ListedImage } from "../images/listed_images.ts";
import type { StoredImage } from "../images/stored_image.ts";
import type { PinnedImage } from "../replay/pins.ts";
import { count, plural } from "./format.ts";

/** What is told, and can stop, the opening of a run. */
export interface Opening {
  readonly signal: AbortSignal;
  /** Takes a line that stays. */
  say(line: string): void;
  /** Takes what is going on. */
  show(text: string): void;
}

/** What a run that goes on had, and whether it may go on with something else. */
export interface Earlier<T> {
  /** The run's folder, for messages. */
  readonly run: string;
  /** Null where an earlier release began it, which did not record that. */
  readonly had: T | null;
  readonly allow: boolean;
}

/** One part of what an earlier run had. */
export function about<T, K extends keyof T>(
  { run, had, allow }: Earlier<T>,
  part: K,
): Earlier<NonNullable<T[K]>> {
  return { run, had: had?.[part] ?? null, allow };
}

/** What a run's images are taken from. */
export interface Pool {
  readonly files: readonly StoredImage[];
}

/** The list of a run's images that begins with a pool. */
export function firstList({ files }: Pool): ListedImage[] {
  return files.map((file) => ({ name: file.name, file, content: null }));
}

/**
 * The list of a run that goes on: every image keeps its place and is what it was. Throws "images" where some have changed
 * or vanished, unless that is allowed: then an image is bound to the file that has its content now, or left out, and
 * what was added comes last. Without that, what was added is no part of the run.
 */
export async function bindList(
  source: Pool,
  { run, had, allow }: Earlier<readonly PinnedImage[]>,
  opening: Opening,
): Promise<ListedImage[]> {
  const { say } = opening;
  if (had === null) {
    say(`${run} did not record which images it began with; they are taken as they are now`);
    return firstList(source);
  }
  const { list, lost, rest } = await compare(source, had, opening);
  if (lost.length > 0 && !allow) throw refusal(run, lost);
  for (const note of shorten(lost)) say(note);
  if (list.every(({ file }) => file === null)) {
    say(`none of the images of ${run} is there; its list begins anew`);
    return firstList(source);
  }
  const left = list.filter(({ file }) => file === null).length;
  if (left > 0) say(`${plural(left, "image")} of the run left out`);
  const [first] = rest;
  if (!first) return list;
  const added = `${plural(rest.length, "image")} added since the run began, such as ${first.name}`;
  say(`${added}: ${allow ? "now part of it" : "no part of it unless --allow says so"}`);
  return allow ? [...list, ...rest.map((file) => ({ name: file.name, file, content: null }))] : list;
}

/** What became of a run's images. */
interface Comparison {
  /** In their places, each with the file that it is now. */
  readonly list: ListedImage[];
  /** What is to be said of those that are not as they were. */
  readonly lost: string[];
  /** Files that are none of them. */
  readonly rest: StoredImage[];
}

async function compare(
  source: Pool,
  had: readonly PinnedImage[],
  { signal, show }: Opening,
): Promise<Comparison> {
  const files = new Map(source.files.map((file) => [file.name, file]));
  const list: ListedImage[] = [];
  const missing: { readonly place: number; readonly image: PinnedImage; readonly changed: boolean }[] = [];
  for (const [place, image] of had.entries()) {
    signal.throwIfAborted();
    show(`comparing images: ${count(place)} of ${count(had.length)}`);
    const { name, content } = image;
    const found = files.get(name);
    const file = found && (await isStill(image, found)) ? found : null;
    if (file) files.delete(name);
    else if (!wasLeftOut(image)) missing.push({ place, image, changed: found !== undefined });
    list.push({ name, content, file });
  }
  const moved = await withContents(files.values(), new Set(missing.map(({ image }) => image.bytes)));
  const lost = missing.map(({ place, image: { name, content }, changed }) => {
    const file = content === null ? undefined : moved.get(content);
    if (file && files.delete(file.name)) list[place] = { name: file.name, file, content };
    const what = `${name} has ${changed ? "changed" : "vanished"}`;
    return file ? `${what}; what it showed is ${file.name} now` : what;
  });
  return { list, lost, rest: [...files.values()] };
}

/** What to record of a list, so that the run can go on with it; an image that was left out may come back. */
export function pinImages(
  list: readonly ListedImage[],
  had: readonly PinnedImage[] | null = null,
): PinnedImage[] {
  return list.map(({ name, file, content }, place) => {
    const { bytes, changedMs } = file ?? { bytes: had?.[place]?.bytes ?? 0, changedMs: leftOutMs };
    return { name, bytes, changedMs, content };
  });
}

/** Stands for the time of an image that was left out. */
const leftOutMs = 0;

function wasLeftOut({ changedMs }: PinnedImage): boolean {
  return changedMs === leftOutMs;
}

/** Whether a file is what it was; one that was not touched is not read for that, nor one that was never seen. */
async function isStill({ bytes, changedMs, content }: PinnedImage, file: StoredImage): Promise<boolean> {
  const isAsLong = file.bytes === bytes;
  if (!isAsLong && (file.standsAlone || content === null)) return false;
  if (content === null || (isAsLong && file.changedMs === changedMs)) return true;
  return content === (await file.content().catch(() => null));
}

/** Files by their contents; only those of some sizes are read. */
async function withContents(
  files: Iterable<StoredImage>,
  sizes: ReadonlySet<number>,
): Promise<Map<string, StoredImage>> {
  const found = new Map<string, StoredImage>();
  for (const file of files) {
    if (file.standsAlone && !sizes.has(file.bytes)) continue;
    const content = await file.content().catch(() => null);
    if (content !== null) found.set(content, file);
  }
  return found;
}

const mostNotes = 20;

function shorten(notes: readonly string[]): string[] {
  const more = notes.length - mostNotes;
  return more > 0 ? [...notes.slice(0, mostNotes), `and ${more} more`] : [...notes];
}

function refusal(run: string, notes: readonly string[]): VisplayError {
  const found = `${plural(notes.length, "image")} of ${run} ${notes.length === 1 ? "is" : "are"} not what the run began with`;
  const remedy = "put them back, or say --allow to go on without them or under their new names";
  return new VisplayError("images", [`${found}; ${remedy}:`, ...shorten(notes)].join("\n  "));
}
