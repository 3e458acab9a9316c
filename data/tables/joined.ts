import type { StoredImage } from "../../images/stored_image.ts";
import type { BrokenRow, Cells, Place, Table } from "./table.ts";

/** Several tables as one, in their order; a column is there if one of them has it. */
export function join(tables: readonly Table[]): Table {
  const [only, another] = tables;
  return only && !another ? only : new Joined(tables);
}

class Joined implements Table {
  readonly columns: readonly string[];
  readonly pictures: readonly string[];
  readonly length: number;
  readonly broken: readonly BrokenRow[];
  readonly #tables: readonly Table[];
  /** The index of each table's first row. */
  readonly #starts: readonly number[];

  constructor(tables: readonly Table[]) {
    let length = 0;
    this.#starts = tables.map((table) => {
      const start = length;
      length += table.length;
      return start;
    });
    this.#tables = tables;
    this.length = length;
    this.columns = [...new Set(tables.flatMap(({ columns }) => columns))];
    this.pictures = [...new Set(tables.flatMap(({ pictures }) => pictures))];
    this.broken = tables.flatMap(({ broken }) => broken);
  }

  place(index: number): Place {
    const { table, row } = this.#at(index);
    return table.place(row);
  }

  cells(index: number, columns: readonly string[]): Promise<Cells> {
    const { table, row } = this.#at(index);
    return table.cells(row, columns);
  }

  images(index: number, column: string): Promise<readonly StoredImage[]> {
    const { table, row } = this.#at(index);
    return table.images(row, column);
  }

  /** The table that a row stands in, and the row's index there. */
  #at(index: number): { readonly table: Table; readonly row: number } {
    let [low, high] = [0, this.#tables.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] as number) <= index) low = middle;
      else high = middle - 1;
    }
    const table = this.#tables[low];
    const row = index - (this.#starts[low] ?? 0);
    if (!table || !(row >= 0 && row < table.length)) throw new RangeError(`row ${index} of ${this.length}`);
    return { table, row };
  }
}
