import type { StoredImage } from "../../images/stored_image.ts";

/** Something wrong with one row, or with a file as a whole. */
export interface BrokenRow {
  /** Relative to the data set, with forward slashes. */
  readonly file: string;
  /** From 1; a line where rows are lines. Null where it is the file. */
  readonly row: number | null;
  readonly reason: string;
}

/** Where a row stands. */
export type Place = Omit<BrokenRow, "reason">;

/** Cells by column, as their file has them: JSON's values, big integers and bytes. */
export type Cells = Readonly<Record<string, unknown>>;

/** Rows of files that look alike, in their order; cells are read when they are wanted. */
export interface Table {
  readonly columns: readonly string[];
  /** Those that hold pictures by their type, whatever they are called. */
  readonly pictures: readonly string[];
  readonly length: number;
  /** What was found broken when the files were opened, and is not among the rows. */
  readonly broken: readonly BrokenRow[];
  place(index: number): Place;
  /** The cells of some columns; a column that a row lacks is left out. Throws a `BrokenRowError`. */
  cells(index: number, columns: readonly string[]): Promise<Cells>;
  /** The pictures of a row's cell, whose bytes are not read for that. Throws a `BrokenRowError`. */
  images(index: number, column: string): Promise<readonly StoredImage[]>;
}

/** What makes a row unusable; it is named, counted and left out. */
export class BrokenRowError extends Error {}
