import { open, stat } from "node:fs/promises";
import { VisplayError } from "../../common/errors.ts";
import { isRecord, parseJson } from "../../common/json.ts";
import type { ImageLimits } from "../../images/decode.ts";
import { claimedFormat } from "../../images/format.ts";
import { contentId } from "../../images/image.ts";
import { isAsItWas, type StoredImage } from "../../images/stored_image.ts";
import { type BrokenRow, BrokenRowError, type Cells, type Place, type Table } from "./table.ts";
import { type Member, membersOf } from "./tar_members.ts";

/** Of a member that is no picture. */
const maxTextBytes = 2 ** 24;

/** Members that lie side by side and have a name in common. */
interface Sample {
  /** From 1. */
  readonly row: number;
  /** By what follows the name, in lower case. */
  readonly members: ReadonlyMap<string, Member>;
}

/** The column of all pictures of a sample. */
const pictures = "image";

/**
 * A tar file as WebDataset lays it out: adjacent members with one name up to the first dot are a sample. Its pictures are
 * the column "image", keys of its `.json` and its other members, read as text, are columns, too. Only where members lie
 * is held in memory. Throws "data" where the file is no tar.
 */
export async function openTar(path: string, name: string): Promise<Table> {
  const { size, ctimeMs } = await stat(path);
  const { members, problem } = await membersOf(path, size);
  if (members.length === 0)
    throw new VisplayError(
      "data",
      `${name}: found no tar file that can be read (${problem ?? "it is empty"})`,
    );
  const samples = samplesOf(members);
  const broken = problem === null ? [] : [{ file: name, row: null, reason: problem }];
  const tar = new Tar({ path, name, size, changedMs: ctimeMs }, samples, broken);
  await tar.lookForColumns();
  return tar;
}

interface TarFile {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly changedMs: number;
}

class Tar implements Table {
  columns: readonly string[] = [];
  readonly pictures: readonly string[] = [pictures];
  readonly length: number;
  readonly broken: readonly BrokenRow[];
  readonly #file: TarFile;
  readonly #samples: readonly Sample[];

  constructor(file: TarFile, samples: readonly Sample[], broken: readonly BrokenRow[]) {
    this.#file = file;
    this.#samples = samples;
    this.length = samples.length;
    this.broken = broken;
  }

  /** Samples look alike, so that some tell which columns there are. */
  async lookForColumns(): Promise<void> {
    const columns = new Set([pictures]);
    for (const [index] of this.#samples.slice(0, 20).entries()) {
      const cells = await this.cells(index).catch(() => ({}));
      for (const column of Object.keys(cells)) columns.add(column);
    }
    this.columns = [...columns];
  }

  place(index: number): Place {
    return { file: this.#file.name, row: this.#at(index).row };
  }

  async cells(index: number): Promise<Cells> {
    const cells: Record<string, unknown> = {};
    for (const [extension, member] of this.#at(index).members) {
      if (isPicture(extension)) continue;
      if (member.bytes > maxTextBytes)
        throw new BrokenRowError(
          `found ${member.name} of ${member.bytes} bytes, expected at most ${maxTextBytes}`,
        );
      const text = Buffer.from(await this.#read(member)).toString("utf8");
      if (extension !== "json") cells[extension] = text;
      else {
        const object = parseJson(text);
        if (!isRecord(object)) throw new BrokenRowError(`found no JSON object in ${member.name}`);
        Object.assign(cells, object);
      }
    }
    delete cells[pictures];
    return cells;
  }

  async images(index: number, column: string): Promise<readonly StoredImage[]> {
    if (column !== pictures) return [];
    const members = [...this.#at(index).members].filter(([extension]) => isPicture(extension));
    return members.map(([, member]) => this.#image(member));
  }

  #image(member: Member): StoredImage {
    const read = async (maxBytes: number): Promise<Uint8Array> => {
      if (member.bytes > maxBytes)
        throw new VisplayError(
          "images",
          `found ${member.bytes} bytes, expected at most ${maxBytes} (maxBytes)`,
        );
      return this.#read(member);
    };
    return {
      name: `${this.#file.name}#${member.name}`,
      bytes: member.bytes,
      standsAlone: true,
      changedMs: this.#file.changedMs,
      isUntouched: () => isAsItWas(this.#file.path, { ...this.#file, bytes: this.#file.size }),
      content: async () => contentId(await read(2 ** 29)),
      read: ({ maxBytes }: ImageLimits) => read(maxBytes),
    };
  }

  async #read({ name, start, bytes }: Member): Promise<Uint8Array> {
    await using file = await open(this.#file.path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, start);
    if (bytesRead < bytes) throw new BrokenRowError(`found the file cut within ${name}`);
    return buffer;
  }

  #at(index: number): Sample {
    const sample = this.#samples[index];
    if (!sample) throw new RangeError(`row ${index} of ${this.length}`);
    return sample;
  }
}

function samplesOf(members: readonly Member[]): Sample[] {
  const samples: { row: number; key: string; members: Map<string, Member> }[] = [];
  for (const member of members) {
    const [, key, extension] = /^((?:.*\/)?[^./][^./]*)\.([^/]+)$/s.exec(member.name) ?? [];
    if (key === undefined || extension === undefined) continue;
    const last = samples.at(-1);
    if (last?.key === key) last.members.set(extension.toLowerCase(), member);
    else
      samples.push({ row: samples.length + 1, key, members: new Map([[extension.toLowerCase(), member]]) });
  }
  return samples;
}

function isPicture(extension: string): boolean {
  const claimed = claimedFormat(`.${extension}`);
  return claimed !== null && claimed !== "other";
}
