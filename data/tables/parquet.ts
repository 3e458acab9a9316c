import { dirname } from "node:path";
import {
  type AsyncBuffer,
  type ColumnChunk,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import { VisplayError } from "../../common/errors.ts";
import { isRecord } from "../../common/json.ts";
import type { ImageLimits } from "../../images/decode.ts";
import { contentId } from "../../images/image.ts";
import type { StoredImage } from "../../images/stored_image.ts";
import type { Cached, GroupCache } from "./group_cache.ts";
import { compressors, maxReadBytes, ParquetFile, Stretch } from "./parquet_file.ts";
import { type ColumnKind, checkMetadata, classNames, columnKinds, withoutBytes } from "./parquet_schema.ts";
import { pictureFile, picturesNamed } from "./picture_files.ts";
import { type Page, pagesOf, pictureChunk, readPage } from "./picture_pages.ts";
import { type BrokenRow, BrokenRowError, type Cells, type Place, type Table } from "./table.ts";

/** A row group whose column is larger is read page by page, if its file has an index of pages. */
const wholeGroupBytes = 64 * 2 ** 20;
/** What is read whole beside a page. */
const smallBytes = 2 ** 16;

interface Group {
  readonly metadata: FileMetaData;
  /** The index of its first row in the file. */
  readonly start: number;
  readonly length: number;
}

/**
 * A Parquet file, of which only the footer is read now. Pictures are cells of bytes, of {bytes, path}, or lists of these;
 * paths without bytes lead below the file's folder. Throws "data" where it is no whole Parquet file.
 */
export async function openParquet(path: string, name: string, cache: GroupCache): Promise<Table> {
  const file = await ParquetFile.open(path);
  try {
    const metadata = await parquetMetadataAsync(file);
    checkMetadata(metadata, file.byteLength);
    return new Parquet(path, name, file, metadata, cache);
  } catch (cause) {
    const { message } = cause as Error;
    throw new VisplayError("data", `${name}: found no Parquet file that can be read (${message})`, { cause });
  }
}

class Parquet implements Table {
  readonly columns: readonly string[];
  readonly pictures: readonly string[];
  readonly length: number;
  readonly broken: readonly BrokenRow[] = [];
  readonly #path: string;
  readonly #name: string;
  readonly #file: ParquetFile;
  readonly #groups: readonly Group[];
  readonly #kinds: ReadonlyMap<string, ColumnKind>;
  readonly #classes: ReadonlyMap<string, readonly string[]>;
  readonly #cache: GroupCache;
  /** Columns whose pictures do not lie in the file as they are, such as compressed ones. */
  readonly #coded = new Set<string>();

  constructor(path: string, name: string, file: ParquetFile, metadata: FileMetaData, cache: GroupCache) {
    this.#path = path;
    this.#name = name;
    this.#file = file;
    this.#cache = cache;
    this.#kinds = columnKinds(metadata);
    this.#classes = classNames(metadata);
    this.#groups = groupsOf(metadata);
    this.columns = [...this.#kinds.keys()];
    this.pictures = this.columns.filter((column) => this.#kinds.get(column) !== "other");
    this.length = this.#groups.reduce((sum, { length }) => sum + length, 0);
  }

  place(index: number): Place {
    return { file: this.#name, row: index + 1 };
  }

  async cells(index: number, columns: readonly string[]): Promise<Cells> {
    const cells: Record<string, unknown> = {};
    for (const column of columns) {
      if (!this.#kinds.has(column)) continue;
      const cell = await this.#cell(index, column);
      cells[column] = this.#classes.get(column)?.[Number(cell)] ?? cell;
    }
    return cells;
  }

  async images(index: number, column: string): Promise<readonly StoredImage[]> {
    const kind = this.#kinds.get(column);
    if (kind === undefined) return [];
    if (kind === "other") return picturesNamed(dirname(this.#path), await this.#cell(index, column));
    if (kind === "picture") return [this.#image(index, column, null)];
    const listed = await this.#cell(index, column, kind === "namedPictures");
    const many = Array.isArray(listed) ? listed.length : 0;
    return Array.from({ length: many }, (_, at) => this.#image(index, column, at));
  }

  /** A picture of a row, at a place of the cell's list or, where that is null, the cell itself. */
  #image(index: number, column: string, at: number | null): StoredImage {
    const find = async (): Promise<Uint8Array | Stretch | StoredImage> => {
      const alone = await this.#picture(index, column).catch(() => null);
      if (alone && alone.length > 0) return alone;
      const cell = await this.#cell(index, column);
      const picture = at === null ? cell : (cell as readonly unknown[])[at];
      const isAlone = picture instanceof Stretch || picture instanceof Uint8Array || !isRecord(picture);
      const { bytes, path } = isAlone ? { bytes: picture, path: null } : picture;
      if (bytes instanceof Stretch || (bytes instanceof Uint8Array && bytes.length > 0)) return bytes;
      if (typeof path === "string") return pictureFile(dirname(this.#path), path);
      throw new BrokenRowError("found no picture in the row");
    };
    const fail = (cause: Error): never => {
      throw new VisplayError("images", cause.message, { cause });
    };
    const read = async (limits: ImageLimits | null): Promise<Uint8Array> => {
      const found = await find().catch(fail);
      if ("read" in found) return found.read(limits ?? unlimited);
      const { maxBytes } = limits ?? unlimited;
      if (found.length > maxBytes)
        throw new VisplayError(
          "images",
          `found ${found.length} bytes, expected at most ${maxBytes} (maxBytes)`,
        );
      return found instanceof Stretch ? this.#file.read(found).catch(fail) : found;
    };
    return {
      name: `${this.#name}#${index + 1}${at ? `.${at + 1}` : ""}`,
      bytes: this.#file.byteLength,
      standsAlone: false,
      changedMs: this.#file.changedMs,
      // Of a file that a path leads to, nothing is known from before.
      isUntouched: async () => !("read" in (await find())) && this.#file.isUntouched(),
      content: async () => contentId(await read(null)),
      read,
    };
  }

  /**
   * The bytes of a picture that is alone in its row, or where they lie in the file; null where its row has none, or it can
   * only be had with all others of its group.
   */
  async #picture(index: number, column: string): Promise<Uint8Array | Stretch | null> {
    const at = this.#groupAt(index);
    const { metadata, start } = this.#groups[at] as Group;
    const chunk = this.#kinds.get(column) === "picture" ? pictureChunk(metadata, column) : null;
    if (!chunk) return null;
    const row = index - start;
    const key = `${this.#path} ${at} ${column}`;
    const pages = (await this.#cache.get(`${key} pages`, 0, async () => {
      const cells = await pagesOf(this.#file, metadata, column);
      return { cells, bytes: cells.length * placeBytes };
    })) as readonly Page[];
    const page = pages.findLast(({ firstRow }) => firstRow <= row);
    if (!page || row >= page.firstRow + page.rows) return null;
    const read = async (): Promise<Cached> => {
      const cells = await readPage(this.#file, metadata, chunk, page);
      const coded = cells.reduce((sum, cell) => sum + (cell instanceof Uint8Array ? cell.length : 0), 0);
      return { cells, bytes: coded + cells.length * placeBytes };
    };
    const cells = await this.#cache.get(`${key} ${page.start}`, page.end - page.start, read);
    return cells[row - page.firstRow] as Uint8Array | Stretch | null;
  }

  /** One cell; without the bytes of its pictures if only their number is wanted. */
  async #cell(index: number, column: string, onlyNames = false): Promise<unknown> {
    const at = this.#groupAt(index);
    const group = this.#groups[at] as Group;
    const row = index - group.start;
    const metadata = onlyNames ? withoutBytes(group.metadata, column) : group.metadata;
    const bytes = sizeOf(metadata, column);
    try {
      const read = (file: AsyncBuffer, rowStart: number, rowEnd: number) =>
        parquetReadObjects({
          file,
          metadata,
          columns: [column],
          rowStart,
          rowEnd,
          utf8: false,
          compressors,
          useOffsetIndex: bytes > wholeGroupBytes,
        }).then((rows) => rows.map((cells) => cells[column] as unknown));
      if (bytes > wholeGroupBytes && hasPageIndex(metadata, column))
        return (await read(this.#file, row, row + 1))[0];
      const readAll = async (): Promise<Cached> => {
        const readFrom = (file: AsyncBuffer) => read(file, 0, group.length);
        const cells = await this.#locate(column, readFrom);
        return cells
          ? { cells, bytes: cells.length * placeBytes }
          : { cells: await readFrom(this.#file), bytes };
      };
      return (await this.#cache.get(`${this.#path} ${at} ${column} ${onlyNames}`, bytes, readAll))[row];
    } catch (cause) {
      throw new BrokenRowError(`found a column that cannot be read (${(cause as Error).message})`, { cause });
    }
  }

  /**
   * The cells of a column of pictures with where these lie in the file in place of their bytes; null where they do not all
   * lie there as they are, or it is another column.
   */
  async #locate(
    column: string,
    read: (file: AsyncBuffer) => Promise<readonly unknown[]>,
  ): Promise<readonly unknown[] | null> {
    if (this.#kinds.get(column) === "other" || this.#coded.has(column)) return null;
    let isWhole = true;
    const locate = (cell: unknown): unknown => {
      if (Array.isArray(cell)) return cell.map(locate);
      if (!(cell instanceof Uint8Array))
        return isRecord(cell) ? { ...cell, bytes: locate(cell.bytes) } : cell;
      const stretch = this.#file.find(cell);
      isWhole &&= stretch !== null;
      return stretch;
    };
    const located = await this.#file.lend(async (file) => (await read(file)).map(locate));
    if (isWhole) return located;
    this.#coded.add(column);
    return null;
  }

  #groupAt(index: number): number {
    let [low, high] = [0, this.#groups.length - 1];
    if (!(index >= 0 && index < this.length)) throw new RangeError(`row ${index} of ${this.length}`);
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#groups[middle] as Group).start <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Of a place in a file in memory, with all around it, about. */
const placeBytes = 200;

const unlimited: ImageLimits = { maxBytes: maxReadBytes, maxPixels: Number.POSITIVE_INFINITY };

function groupsOf(metadata: FileMetaData): Group[] {
  let start = 0;
  return metadata.row_groups.map((group) => {
    const length = Number(group.num_rows);
    start += length;
    return { metadata: { ...metadata, row_groups: [group] }, start: start - length, length };
  });
}

/** What a column of the only row group takes in memory. */
function sizeOf(metadata: FileMetaData, column: string): number {
  return sumOfSizes(chunksOf(metadata, column));
}

/** Whether rows of a column can be read without what is large of the others. */
function hasPageIndex(metadata: FileMetaData, column: string): boolean {
  const withoutIndex = chunksOf(metadata, column).filter(
    ({ offset_index_length }) => (offset_index_length ?? 0) === 0,
  );
  return sumOfSizes(withoutIndex) <= smallBytes;
}

function chunksOf({ row_groups: [group] }: FileMetaData, column: string): ColumnChunk[] {
  return group?.columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === column) ?? [];
}

function sumOfSizes(chunks: readonly ColumnChunk[]): number {
  return chunks.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0), 0);
}
