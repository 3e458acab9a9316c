import { replaceFile } from "../common/disk.ts";

export interface Figure {
  readonly value: number;
  readonly unit: string;
}

/** What a benchmark found, by name. */
export type Figures = Readonly<Record<string, Figure>>;

/** One figure to a line. */
export function figuresTable(figures: Figures): string {
  return table(Object.entries(figures).map(([name, { value, unit }]) => [name, digits(value), unit]));
}

/** Figures as JSON, `{name: {value, unit}}`, values to five digits. Throws "disk" where it cannot write. */
export async function writeFigures(path: string, figures: Figures): Promise<void> {
  const entries = Object.entries(figures).map(([name, { value, unit }]) => {
    return [name, { value: Number(value.toPrecision(5)), unit }];
  });
  await replaceFile(path, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
}

/** Three digits, or all before the point. */
export function digits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Rows of equally many cells in columns: the first column to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const align = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(align).join("  ").trimEnd()).join("\n");
}
