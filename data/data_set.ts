import type { StoredImage } from "../images/stored_image.ts";
import { answersIn, questionIn, textsIn, writtenCell } from "./cells.ts";
import { type Mapping, mapColumns, missingColumn, type Part } from "./columns.ts";
import { type BrokenRow, BrokenRowError, type Place, type Table } from "./tables/table.ts";

/** A question with its pictures and the answers that are true of them, of which any is right. */
export interface DataRow {
  readonly images: readonly StoredImage[];
  readonly question: string;
  readonly answers: readonly string[];
  /** Cells of further columns as text, lists as JSON; "" where there is nothing. */
  readonly others: Readonly<Record<string, string>>;
}

/** What a row says in words. */
export interface RowTexts {
  readonly asked: readonly string[];
  /** Answers, and what further columns hold. */
  readonly given: readonly string[];
}

/** Rows of a user's data, whatever files hold them; what is wanted of one is read then. */
export class DataSet {
  /** As the user calls it. */
  readonly name: string;
  readonly length: number;
  readonly columns: readonly string[];
  readonly mapping: Mapping;
  /** Of its files, what cannot be read at all. */
  readonly broken: readonly BrokenRow[];
  readonly #table: Table;

  /** Throws "data" where a column that is given is not there. */
  constructor(name: string, table: Table, given: Partial<Mapping> = {}) {
    this.name = name;
    this.length = table.length;
    this.columns = table.columns;
    this.mapping = mapColumns(name, table, given);
    this.broken = table.broken;
    this.#table = table;
  }

  /** The column of a part. Throws "data" where there is none. */
  columnOf(part: Part): string {
    const column = this.mapping[part];
    if (column !== null) return column;
    throw missingColumn(this.name, `column for the ${part}`, this.columns);
  }

  /** Throws "data" where there is no such column. */
  requireColumn(column: string): void {
    if (!this.columns.includes(column)) throw missingColumn(this.name, `column ${column}`, this.columns);
  }

  /** What a row asks, with cells of further columns, or why it cannot be used. Throws "data" without the columns for it. */
  async row(index: number, others: readonly string[] = []): Promise<DataRow | BrokenRow> {
    const [question, image] = [this.columnOf("question"), this.columnOf("image")];
    const { answer } = this.mapping;
    return this.#unlessBroken(index, async () => {
      const cells = await this.#table.cells(index, [
        ...new Set([question, ...(answer ? [answer] : []), ...others]),
      ]);
      const images = await this.#table.images(index, image);
      const asked = questionIn(cells[question], images.length);
      const given = answer === null ? [] : answersIn(cells[answer]);
      const answers = given.length > 0 ? given : answersIn(asked.answer);
      if (answers.length === 0) throw new BrokenRowError("found no answer");
      const texts = others.map((column) => [column, writtenCell(cells[column])]);
      return { images, question: asked.question, answers, others: Object.fromEntries(texts) };
    });
  }

  /**
   * What a row says, in its question, its answers and further columns, or why it says nothing; it needs no picture for
   * that. Throws "data" where no column has any text.
   */
  async texts(index: number, others: readonly string[] = []): Promise<RowTexts | BrokenRow> {
    const { question, answer } = this.mapping;
    const columns = [question, answer, ...others].filter((column) => column !== null);
    if (columns.length === 0) this.columnOf("question");
    return this.#unlessBroken(index, async () => {
      const cells = await this.#table.cells(index, [...new Set(columns)]);
      const asked = question === null ? [] : textsIn(cells[question]);
      const given = columns
        .filter((column) => column !== question)
        .flatMap((column) => textsIn(cells[column]));
      if (asked.length + given.length === 0) throw new BrokenRowError("found no text");
      return { asked, given };
    });
  }

  /** The pictures of a row, or why it has none. Throws "data" where no column has any. */
  async images(index: number): Promise<readonly StoredImage[] | BrokenRow> {
    const column = this.columnOf("image");
    return this.#unlessBroken(index, async () => {
      const images = await this.#table.images(index, column);
      if (images.length === 0) throw new BrokenRowError("found no picture");
      return images;
    });
  }

  /** Where a row stands. */
  place(index: number): Place {
    return this.#table.place(index);
  }

  async #unlessBroken<T>(index: number, read: () => Promise<T>): Promise<T | BrokenRow> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof BrokenRowError)) throw error;
      return { ...this.#table.place(index), reason: error.message };
    }
  }
}

export function isBroken<T extends object>(row: T | BrokenRow): row is BrokenRow {
  return "reason" in row;
}
