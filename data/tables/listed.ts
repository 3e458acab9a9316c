import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { VisplayError } from "../../common/errors.ts";
import { isRecord, parseJson } from "../../common/json.ts";
import type { StoredImage } from "../../images/stored_image.ts";
import { picturesNamed } from "./picture_files.ts";
import type { BrokenRow, Cells, Place, Table } from "./table.ts";

/** Of a file that is read whole; a larger one should be JSONL or Parquet. */
const maxFileBytes = 2 ** 28;

/** A row in memory and where it stood. */
interface ListedRow {
  readonly cells: Cells;
  readonly row: number;
}

/** A JSON list of objects; pictures are paths below its folder. Throws "data" for a file that is none, or too large. */
export async function openJsonList(path: string, name: string): Promise<Table> {
  const list = parseJson(await readWhole(path, name));
  if (!Array.isArray(list))
    throw new VisplayError("data", `${name}: found no JSON list, expected one of objects`);
  const rows: ListedRow[] = [];
  const broken: BrokenRow[] = [];
  for (const [i, cells] of list.entries()) {
    if (isRecord(cells)) rows.push({ cells, row: i + 1 });
    else broken.push({ file: name, row: i + 1, reason: "found no JSON object" });
  }
  return new Listed(path, name, rows, broken);
}

/** A CSV file (RFC 4180) whose first line names its columns; pictures are paths below its folder. Throws as above. */
export async function openCsv(path: string, name: string): Promise<Table> {
  const [header, ...records] = parseCsv(await readWhole(path, name));
  if (!header)
    throw new VisplayError("data", `${name}: found an empty file, expected a line of column names`);
  const rows: ListedRow[] = [];
  const broken: BrokenRow[] = [];
  for (const { fields, line } of records) {
    if (fields.length === header.fields.length)
      rows.push({ cells: Object.fromEntries(header.fields.map((key, i) => [key, fields[i]])), row: line });
    else {
      const reason = `found ${fields.length} fields, expected ${header.fields.length}`;
      broken.push({ file: name, row: line, reason });
    }
  }
  return new Listed(path, name, rows, broken);
}

class Listed implements Table {
  readonly columns: readonly string[];
  readonly pictures: readonly string[] = [];
  readonly length: number;
  readonly broken: readonly BrokenRow[];
  readonly #folder: string;
  readonly #name: string;
  readonly #rows: readonly ListedRow[];

  constructor(path: string, name: string, rows: readonly ListedRow[], broken: readonly BrokenRow[]) {
    this.#folder = dirname(path);
    this.#name = name;
    this.#rows = rows;
    this.length = rows.length;
    this.columns = [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))];
    this.broken = broken;
  }

  place(index: number): Place {
    return { file: this.#name, row: this.#at(index).row };
  }

  async cells(index: number): Promise<Cells> {
    return this.#at(index).cells;
  }

  async images(index: number, column: string): Promise<readonly StoredImage[]> {
    return picturesNamed(this.#folder, this.#at(index).cells[column]);
  }

  #at(index: number): ListedRow {
    const row = this.#rows[index];
    if (!row) throw new RangeError(`row ${index} of ${this.length}`);
    return row;
  }
}

async function readWhole(path: string, name: string): Promise<string> {
  const { size } = await stat(path);
  if (size > maxFileBytes) {
    const found = `found ${size} bytes, expected at most ${maxFileBytes}`;
    throw new VisplayError("data", `${name}: ${found}; larger lists are read as JSONL or Parquet`);
  }
  return (await readFile(path, "utf8")).replace(/^\ufeff/, "");
}

/** The records of a CSV file with the lines that they begin on, from 1; empty lines are none. */
function parseCsv(text: string): { readonly fields: string[]; readonly line: number }[] {
  const records: { fields: string[]; line: number }[] = [];
  let fields: string[] = [];
  let [at, line, begun] = [0, 1, 1];
  while (at < text.length) {
    const { field, end } = text[at] === '"' ? quotedField(text, at) : plainField(text, at);
    fields.push(field);
    line += field.split("\n").length - 1;
    at = end + 1;
    if (text[end] === "," && at < text.length) continue;
    if (text[end] === ",") fields.push("");
    if (text[end] === "\r" && text[at] === "\n") at++;
    if (fields.length > 1 || fields[0] !== "") records.push({ fields, line: begun });
    fields = [];
    begun = ++line;
  }
  return records;
}

/** A field between quotes, in which a doubled one stands for one, and where what ends it stands. */
function quotedField(text: string, start: number): { readonly field: string; readonly end: number } {
  let close = text.indexOf('"', start + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  const inner = text.slice(start + 1, close < 0 ? text.length : close).replaceAll('""', '"');
  if (close < 0) return { field: inner, end: text.length };
  const { field: rest, end } = plainField(text, close + 1);
  return { field: inner + rest, end };
}

function plainField(text: string, start: number): { readonly field: string; readonly end: number } {
  const separator = /[,\r\n]/g;
  separator.lastIndex = start;
  const end = separator.exec(text)?.index ?? text.length;
  return { field: text.slice(start, end), end };
}
