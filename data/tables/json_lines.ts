import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { isRecord, parseJson } from "../../common/json.ts";
import type { StoredImage } from "../../images/stored_image.ts";
import { picturesNamed } from "./picture_files.ts";
import { type BrokenRow, BrokenRowError, type Cells, type Place, type Table } from "./table.ts";

/** Of one line; a longer one is broken. */
const maxLineBytes = 2 ** 24;

/** Read at once. */
const chunkBytes = 2 ** 20;

/** Where a row's text lies in its file, and which line it is, from 1. */
interface Line {
  readonly start: number;
  readonly bytes: number;
  readonly number: number;
}

/**
 * A file of JSON objects, one a line; pictures are paths below its folder. Each line is read once to see that it is whole,
 * only where it lies is held in memory. Rejects as the file system does.
 */
export async function openJsonLines(path: string, name: string): Promise<Table> {
  const lines: Line[] = [];
  const broken: BrokenRow[] = [];
  const columns = new Set<string>();
  for await (const { text, ...line } of linesOf(path)) {
    if (text?.trim() === "") continue;
    const row = text === null ? undefined : parseJson(text);
    if (isRecord(row)) {
      lines.push(line);
      for (const column of Object.keys(row)) columns.add(column);
    } else
      broken.push({ file: name, row: line.number, reason: text === null ? tooLong(line) : noObject(text) });
  }
  return new JsonLines(path, name, lines, [...columns], broken);
}

function tooLong({ bytes }: Line): string {
  return `found a line of ${bytes} bytes, expected at most ${maxLineBytes}`;
}

function noObject(text: string): string {
  return `found ${JSON.stringify(text.slice(0, 40))}, expected a JSON object`;
}

class JsonLines implements Table {
  readonly columns: readonly string[];
  readonly pictures: readonly string[] = [];
  readonly length: number;
  readonly broken: readonly BrokenRow[];
  readonly #path: string;
  readonly #name: string;
  readonly #lines: readonly Line[];

  constructor(
    path: string,
    name: string,
    lines: readonly Line[],
    columns: readonly string[],
    broken: readonly BrokenRow[],
  ) {
    this.#path = path;
    this.#name = name;
    this.#lines = lines;
    this.length = lines.length;
    this.columns = columns;
    this.broken = broken;
  }

  place(index: number): Place {
    return { file: this.#name, row: this.#at(index).number };
  }

  async cells(index: number, _columns: readonly string[]): Promise<Cells> {
    const { start, bytes } = this.#at(index);
    await using file = await open(this.#path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, start);
    const row = parseJson(buffer.toString("utf8", 0, bytesRead));
    if (!isRecord(row)) throw new BrokenRowError("found another line than when the file was opened");
    return row;
  }

  async images(index: number, column: string): Promise<readonly StoredImage[]> {
    const { [column]: cell } = await this.cells(index, [column]);
    return picturesNamed(dirname(this.#path), cell);
  }

  #at(index: number): Line {
    const line = this.#lines[index];
    if (!line) throw new RangeError(`row ${index} of ${this.length}`);
    return line;
  }
}

/** The lines of a file with their texts, null where a line is too long to be held. */
async function* linesOf(path: string): AsyncGenerator<Line & { readonly text: string | null }> {
  await using file = await open(path);
  const chunk = Buffer.alloc(chunkBytes);
  let parts: Buffer[] = [];
  let [start, bytes, number] = [0, 0, 1];
  const take = (part: Buffer): void => {
    bytes += part.length;
    if (bytes > maxLineBytes) parts = [];
    else parts.push(Buffer.from(part));
  };
  const line = () => {
    const text =
      bytes > maxLineBytes
        ? null
        : Buffer.concat(parts)
            .toString("utf8")
            .replace(/^\ufeff/, "");
    return { text, start, bytes, number };
  };
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunkBytes, null);
    if (bytesRead === 0) break;
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0 && end < bytesRead; end = chunk.indexOf(10, from)) {
      take(chunk.subarray(from, end));
      yield line();
      from = end + 1;
      [start, bytes, number, parts] = [start + bytes + 1, 0, number + 1, []];
    }
    take(chunk.subarray(from, bytesRead));
  }
  if (bytes > 0) yield line();
}
