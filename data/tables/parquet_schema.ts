import { type FileMetaData, parquetSchema, type SchemaElement, type SchemaTree } from "hyparquet";
import { isRecord, parseJson } from "../../common/json.ts";

/**
 * What a column holds: a picture as bytes or as {bytes, path}, a list of bytes, a list of {bytes, path}, whose length can be
 * had without the bytes, or anything else.
 */
export type ColumnKind = "picture" | "pictures" | "namedPictures" | "other";

/** The columns of a file, in their order, and what they hold by their types. */
export function columnKinds(metadata: FileMetaData): Map<string, ColumnKind> {
  return new Map(parquetSchema(metadata).children.map((column) => [column.element.name, kindOf(column)]));
}

function kindOf(column: SchemaTree): ColumnKind {
  if (holdsPicture(column)) return "picture";
  const element = elementOf(column);
  if (!element || !holdsPicture(element)) return "other";
  return element.children.length > 1 ? "namedPictures" : "pictures";
}

/** What a list consists of; undefined where it is none. */
function elementOf(column: SchemaTree): SchemaTree | undefined {
  const [repeated, another] = column.children;
  if (!repeated || another || repeated.element.repetition_type !== "REPEATED") return undefined;
  return repeated.children.length === 1 ? repeated.children[0] : repeated;
}

function holdsPicture({ element, children }: SchemaTree): boolean {
  if (children.length === 0) return isBytes(element);
  return children.some((child) => child.element.name === "bytes" && isBytes(child.element));
}

function isBytes({ type, converted_type, logical_type }: SchemaElement): boolean {
  return type === "BYTE_ARRAY" && converted_type === undefined && logical_type === undefined;
}

/** The same without the bytes of a column of {bytes, path}, so that only their paths are read. */
export function withoutBytes(metadata: FileMetaData, column: string): FileMetaData {
  const columns = parquetSchema(metadata).children;
  const before = columns.slice(
    0,
    columns.findIndex(({ element }) => element.name === column),
  );
  const place = before.reduce((sum, { count }) => sum + count, 1);
  const bytes = metadata.schema.findIndex(({ name }, i) => i > place && name === "bytes");
  const owner = metadata.schema.findLastIndex(({ num_children = 0 }, i) => i < bytes && num_children > 0);
  const schema = metadata.schema
    .map((element, i) =>
      i === owner ? { ...element, num_children: (element.num_children ?? 0) - 1 } : element,
    )
    .filter((_, i) => i !== bytes);
  const isBytesOf = (path: readonly string[] = []) => path[0] === column && path.at(-1) === "bytes";
  const row_groups = metadata.row_groups.map((group) => ({
    ...group,
    columns: group.columns.filter(({ meta_data }) => !isBytesOf(meta_data?.path_in_schema)),
  }));
  return { ...metadata, schema, row_groups };
}

/** The names of classes that a column of integers stands for, by column, as Hugging Face's features say them. */
export function classNames({ key_value_metadata = [] }: FileMetaData): Map<string, readonly string[]> {
  const names = new Map<string, readonly string[]>();
  const parsed = parseJson(key_value_metadata.find(({ key }) => key === "huggingface")?.value ?? "");
  const info = isRecord(parsed) ? parsed.info : null;
  const features = isRecord(info) && isRecord(info.features) ? info.features : {};
  for (const [column, feature] of Object.entries(features)) {
    if (!isRecord(feature) || feature._type !== "ClassLabel" || !Array.isArray(feature.names)) continue;
    names.set(column, feature.names.map(String));
  }
  return names;
}

/** More rows than anybody has, and few enough to be listed. */
const maxRows = 50_000_000;

/** Throws an `Error` where a footer says what cannot be, or what cannot be read. */
export function checkMetadata({ row_groups, num_rows }: FileMetaData, fileBytes: number): void {
  let rows = 0;
  for (const { num_rows, columns } of row_groups) {
    if (num_rows < 0n || num_rows > maxRows) throw new Error(`a row group of ${num_rows} rows`);
    rows += Number(num_rows);
    for (const { meta_data, file_path } of columns) {
      if (file_path) throw new Error("a column that lies in another file");
      if (!meta_data) throw new Error("an encrypted column");
      const { data_page_offset, dictionary_page_offset, total_compressed_size } = meta_data;
      const start = dictionary_page_offset || data_page_offset;
      if (start < 0n || total_compressed_size < 0n || start + total_compressed_size > fileBytes)
        throw new Error("it says that its data goes on behind its end");
    }
  }
  if (rows > maxRows) throw new Error(`${rows} rows, at most ${maxRows}`);
  if (BigInt(rows) !== num_rows) throw new Error(`${num_rows} rows, and ${rows} in its row groups`);
}
