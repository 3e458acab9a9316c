import type { ColumnChunk, ColumnMetaData, FileMetaData } from "hyparquet";
import { parquetHeader, readColumn } from "hyparquet/src/column.js";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { readOffsetIndex } from "hyparquet/src/indexes.js";
import { getMaxRepetitionLevel, getSchemaPath } from "hyparquet/src/schema.js";
import { compressors, type ParquetFile, Stretch } from "./parquet_file.ts";

/** A part of a column chunk, whose rows can be read without the others. */
export interface Page {
  readonly start: number;
  readonly end: number;
  /** Within the row group. */
  readonly firstRow: number;
  readonly rows: number;
}

/** Pages of which each is found by the end of the one before are looked for in so many bytes. */
const headerBytes = 2 ** 14;

/** The column chunk of the only row group that holds a column's bytes, if it has one of each row that stands alone. */
export function pictureChunk(metadata: FileMetaData, column: string): ColumnMetaData | null {
  const chunk = chunkOf(metadata, column)?.meta_data;
  if (!chunk || chunk.dictionary_page_offset) return null;
  return getMaxRepetitionLevel(getSchemaPath(metadata.schema, chunk.path_in_schema)) === 0 ? chunk : null;
}

function chunkOf({ row_groups: [group] }: FileMetaData, column: string): ColumnChunk | undefined {
  return group?.columns.find(({ meta_data }) => {
    const [first, ...rest] = meta_data?.path_in_schema ?? [];
    return first === column && (rest.length === 0 || rest.at(-1) === "bytes");
  });
}

/** The pages of such a chunk in their order, by the file's index of pages or else by their own headers. */
export async function pagesOf(file: ParquetFile, metadata: FileMetaData, column: string): Promise<Page[]> {
  const chunk = chunkOf(metadata, column);
  if (!chunk?.meta_data) throw new Error(`no column ${column}`);
  const rows = Number(metadata.row_groups[0]?.num_rows ?? 0);
  const { offset_index_offset: offset, offset_index_length: length = 0 } = chunk;
  if (!offset || length === 0) return walk(file, chunk.meta_data, rows);
  const index = await file.slice(Number(offset), Number(offset) + length);
  const { page_locations } = readOffsetIndex({ view: new DataView(index), offset: 0 });
  return page_locations.map(({ offset, compressed_page_size, first_row_index }, i) => {
    const [start, firstRow] = [Number(offset), Number(first_row_index)];
    const next = page_locations[i + 1]?.first_row_index;
    return { start, end: start + compressed_page_size, firstRow, rows: Number(next ?? rows) - firstRow };
  });
}

async function walk(
  file: ParquetFile,
  { data_page_offset, total_compressed_size }: ColumnMetaData,
  rows: number,
): Promise<Page[]> {
  const pages: Page[] = [];
  const chunkEnd = Number(data_page_offset + total_compressed_size);
  let start = Number(data_page_offset);
  for (let firstRow = 0; firstRow < rows; ) {
    const head = await file.read(new Stretch(start, Math.min(headerBytes, chunkEnd - start)));
    const reader = { view: new DataView(head.buffer), offset: 0 };
    const { data_page_header, data_page_header_v2, compressed_page_size } = parquetHeader(reader);
    const { num_values = 0 } = data_page_header ?? data_page_header_v2 ?? {};
    const end = start + reader.offset + compressed_page_size;
    if (num_values <= 0 || end > chunkEnd) throw new Error("a page that is none");
    pages.push({ start, end, firstRow, rows: num_values });
    [start, firstRow] = [end, firstRow + num_values];
  }
  return pages;
}

/** The bytes in each row of a page, or where they lie in the file if they lie there as they are; null where there are none. */
export function readPage(
  file: ParquetFile,
  { schema }: FileMetaData,
  chunk: ColumnMetaData,
  { start, end, rows }: Page,
): Promise<(Uint8Array | Stretch | null)[]> {
  const schemaPath = getSchemaPath(schema, chunk.path_in_schema);
  const element = schemaPath.at(-1)?.element ?? { name: "" };
  const pathInSchema = chunk.path_in_schema;
  return file.lend(async (lender) => {
    const view = new DataView(await lender.slice(start, end));
    const how = { ...chunk, pathInSchema, element, schemaPath, compressors, utf8: false };
    const select = { groupStart: 0, selectStart: 0, selectEnd: rows, groupRows: rows };
    const { data } = readColumn({ view, offset: 0 }, select, { ...how, parsers: DEFAULT_PARSERS });
    const cells = data.flatMap((part) => [...part]) as unknown[];
    if (cells.length !== rows) throw new Error(`a page of ${cells.length} rows, expected ${rows}`);
    return cells.map(unwrap).map((cell) => {
      if (!(cell instanceof Uint8Array)) return null;
      // What is neither in the file as it is nor a copy already lies in memory that is lent.
      return file.find(cell) ?? (cell.buffer === view.buffer ? cell.slice() : cell);
    });
  });
}

/** hyparquet gives a list for each level around a value that may be null. */
function unwrap(cell: unknown): unknown {
  return Array.isArray(cell) ? unwrap(cell[0]) : cell;
}
