import type { Bytes } from "./bytes.ts";

/** What stands under one tag: its type, and its values as they lie in the file. */
interface Entry {
  readonly type: number;
  readonly raw: Buffer;
}

/** Bytes of a value by its type; entries of other types (fractions, floating-point numbers) are left out. */
const sizes: Readonly<Record<number, 1 | 2 | 4 | 8>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};
const long = 4;
const maxEntries = 4096;
/** Of one entry: the tiles of the largest pictures, or an embedded profile. */
const maxEntryBytes = 2 ** 24;

/** The tags of a TIFF file's first directory, or of the EXIF block that is built like one. */
export class TiffDirectory {
  readonly littleEndian: boolean;
  readonly #entries: ReadonlyMap<number, Entry>;

  constructor(littleEndian: boolean, entries: ReadonlyMap<number, Entry>) {
    this.littleEndian = littleEndian;
    this.#entries = entries;
  }

  has(tag: number): boolean {
    return this.#entries.has(tag);
  }

  /** The numbers under a tag; none where it is missing. */
  values(tag: number): number[] {
    const entry = this.#entries.get(tag);
    if (!entry) return [];
    const size = sizes[entry.type] ?? 1;
    return Array.from({ length: entry.raw.length / size }, (_, i) =>
      readNumber(entry.raw, i * size, size, this.littleEndian),
    );
  }

  /** The first number under a tag. */
  value(tag: number): number | undefined {
    return this.values(tag)[0];
  }

  /** A directory of some of these tags, and of others with whole numbers. */
  pick(tags: readonly number[], added: Readonly<Record<number, readonly number[]>>): TiffDirectory {
    const entries = new Map([...this.#entries].filter(([tag]) => tags.includes(tag)));
    for (const [tag, values] of Object.entries(added)) {
      const raw = Buffer.alloc(values.length * 4);
      for (const [i, value] of values.entries()) writeNumber(raw, i * 4, 4, value, this.littleEndian);
      entries.set(Number(tag), { type: long, raw });
    }
    return new TiffDirectory(this.littleEndian, entries);
  }

  /** As it stands in a classic TIFF file from `offset` on, the only one there. */
  encode(offset: number): Buffer {
    const tags = [...this.#entries].sort(([a], [b]) => a - b);
    const table = Buffer.alloc(2 + 12 * tags.length + 4);
    writeNumber(table, 0, 2, tags.length, this.littleEndian);
    const parts: Buffer[] = [table];
    let end = offset + table.length;
    for (const [i, [tag, { type, raw }]] of tags.entries()) {
      const at = 2 + 12 * i;
      writeNumber(table, at, 2, tag, this.littleEndian);
      writeNumber(table, at + 2, 2, type, this.littleEndian);
      writeNumber(table, at + 4, 4, raw.length / (sizes[type] ?? 1), this.littleEndian);
      if (raw.length <= 4) raw.copy(table, at + 8);
      else {
        writeNumber(table, at + 8, 4, end, this.littleEndian);
        parts.push(raw);
        end += raw.length;
      }
    }
    return Buffer.concat(parts);
  }
}

/** Null where there is none (TIFF 6.0, section 2; in BigTIFF offsets and counts have 8 bytes). */
export async function readDirectory(bytes: Bytes): Promise<TiffDirectory | null> {
  const head = await bytes.read(0, 16);
  const order = head.toString("latin1", 0, 2);
  if (head.length < 8 || (order !== "II" && order !== "MM")) return null;
  const littleEndian = order === "II";
  const big = readNumber(head, 2, 2, littleEndian) === 43;
  const [word, counter] = big ? [8, 8] : [4, 2];
  if (head.length < 2 * word) return null;
  const start = readNumber(head, word, word, littleEndian);
  const countBytes = await bytes.read(start, counter);
  if (countBytes.length < counter) return null;
  const count = Math.min(maxEntries, readNumber(countBytes, 0, counter, littleEndian));
  const entrySize = 4 + 2 * word;
  const table = await bytes.read(start + counter, count * entrySize);
  const entries = new Map<number, Entry>();
  for (let at = 0; at + entrySize <= table.length; at += entrySize) {
    const type = readNumber(table, at + 2, 2, littleEndian);
    const length = readNumber(table, at + 4, word, littleEndian) * (sizes[type] ?? Number.NaN);
    if (!(length <= maxEntryBytes)) continue;
    const here = at + 4 + word;
    const raw =
      length <= word
        ? table.subarray(here, here + length)
        : await bytes.read(readNumber(table, here, word, littleEndian), length);
    if (raw.length === length) entries.set(readNumber(table, at, 2, littleEndian), { type, raw });
  }
  return new TiffDirectory(littleEndian, entries);
}

function readNumber(from: Buffer, at: number, size: number, littleEndian: boolean): number {
  if (size === 8) return Number(littleEndian ? from.readBigUInt64LE(at) : from.readBigUInt64BE(at));
  return littleEndian ? from.readUIntLE(at, size) : from.readUIntBE(at, size);
}

function writeNumber(into: Buffer, at: number, size: number, value: number, littleEndian: boolean): void {
  if (littleEndian) into.writeUIntLE(value, at, size);
  else into.writeUIntBE(value, at, size);
}
