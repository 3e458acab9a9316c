import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { card, type RunFacts, type SplitFacts } from "./card.ts";
import { type Format, type FormatRules, formatRules } from "./formats.ts";
import { writeOutput } from "./output_file.ts";
import { type Picture, type PictureOptions, readPicture } from "./picture.ts";
import type { ExportItem } from "./record.ts";
import { requireRoom } from "./room.ts";
import type { RowWriter, Written } from "./row.ts";
import type { Selected, Selection } from "./selection.ts";
import { writeFolder } from "./staging.ts";

export interface ExportOptions extends PictureOptions {
  readonly formats: readonly Format[];
  /** A file of rows is full at about so many bytes. */
  readonly shardBytes: number;
  readonly license: string;
  readonly release: string;
  readonly selection: Selection;
  /** What of the runs could not be read, and was left out. */
  readonly damaged: readonly string[];
  readonly signal: AbortSignal;
  /** Takes a line that stays. */
  readonly say: (line: string) => void;
  /** Items written so far, and their pictures' bytes. */
  readonly onProgress: (items: number, bytes: number) => void;
}

/**
 * Writes a curriculum in all formats in one pass: into `folder` itself, or a folder of its own for each where there are
 * several. Throws "images" where a picture cannot be read, "disk" where there is no room; nothing is left then.
 */
export async function exportCurriculum(
  folder: string,
  selected: Selected,
  runs: readonly RunFacts[],
  options: ExportOptions,
): Promise<void> {
  const rules = options.formats.map((format) => formatRules[format]);
  await requireRoom(folder, selected.items, rules, options);
  const write = async (staging: string): Promise<void> => {
    const sets = options.formats.map((format) => new ExportedSet(format, staging, options));
    for (const { folder: own } of sets) await mkdir(own, { recursive: true });
    const counts = new SplitCounts();
    const names = options.selection.splits.map(({ name }) => name);
    try {
      await writeRows(selected.items, sets, counts, options);
      for (const set of sets) await set.finish({ selected, runs, splits: counts.facts(names), options });
    } finally {
      for (const { writer } of sets) await writer[Symbol.asyncDispose]();
    }
  };
  await writeFolder(folder, write, options.say);
}

async function writeRows(
  items: readonly ExportItem[],
  sets: readonly ExportedSet[],
  splits: SplitCounts,
  options: ExportOptions,
): Promise<void> {
  const pictureOf = pictureReader(options);
  let bytes = 0;
  for (const [i, item] of items.entries()) {
    options.signal.throwIfAborted();
    const { file } = item;
    if (file === null) throw new Error(`${item.image} was selected without a file`);
    const picture = await pictureOf(file);
    const fileName = `${item.image}.${picture.extension}`;
    const row = { item, picture, fileName, index: splits.add(item, picture) };
    await Promise.all(sets.map(({ writer }) => writer.add(row)));
    bytes += picture.bytes.length;
    options.onProgress(i + 1, bytes);
  }
}

/** Questions about one picture lie side by side, so that the last one is kept. */
function pictureReader(options: PictureOptions): (file: string) => Promise<Picture> {
  let last = "";
  let picture: Picture;
  return async (file) => {
    if (file !== last) picture = await readPicture(file, options);
    last = file;
    return picture;
  };
}

class SplitCounts {
  readonly #splits = new Map<string, { examples: number; bytes: number; readonly images: Set<string> }>();

  /** The item's place within its split. */
  add({ split, image, question, answer }: ExportItem, picture: Picture): number {
    const counts = this.#splits.get(split) ?? { examples: 0, bytes: 0, images: new Set() };
    this.#splits.set(split, counts);
    counts.images.add(image);
    counts.bytes += picture.bytes.length + Buffer.byteLength(question) + Buffer.byteLength(answer);
    return counts.examples++;
  }

  /** Of the splits that hold anything, in this order. */
  facts(names: readonly string[]): SplitFacts[] {
    return names.flatMap((name) => {
      const counts = this.#splits.get(name);
      return counts ? [{ name, ...counts, images: counts.images.size }] : [];
    });
  }
}

interface Made {
  readonly selected: Selected;
  readonly runs: readonly RunFacts[];
  readonly splits: readonly SplitFacts[];
  readonly options: ExportOptions;
}

/** One format's folder. */
class ExportedSet {
  readonly format: Format;
  readonly folder: string;
  readonly writer: RowWriter;
  readonly #rules: FormatRules;

  constructor(format: Format, staging: string, { formats, shardBytes }: ExportOptions) {
    this.format = format;
    this.folder = formats.length > 1 ? join(staging, format) : staging;
    this.#rules = formatRules[format];
    this.writer = this.#rules.open(this.folder, shardBytes);
  }

  /** Ends the rows, and says what they are. */
  async finish(made: Made): Promise<void> {
    const written = await this.writer.finish();
    const names = made.splits.map(({ name }) => name);
    const described = await this.#rules.describe?.(this.folder, names);
    const files = described ? [...written.files, described] : written.files;
    const { license, keepMetadata, damaged } = made.options;
    const facts = { ...made, license, damaged, rules: this.#rules, keepsMetadata: keepMetadata };
    await writeOutput(join(this.folder, "README.md"), card(facts));
    const manifest = this.#manifest(made, { ...written, files });
    await writeOutput(join(this.folder, "curriculum.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  }

  #manifest({ selected, runs, splits, options }: Made, { files, images }: Written): object {
    const { release, selection, license, keepMetadata, maxPixels, damaged } = options;
    const { items, candidates, rejected, contaminated } = selected;
    return {
      format: this.format,
      visplay: release,
      license,
      runs,
      selection,
      pictures: { keepMetadata, maxPixels },
      counts: { candidates, exported: items.length, rejected, splits },
      contaminated,
      damaged,
      files,
      images,
    };
  }
}
