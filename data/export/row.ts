import type { Picture } from "./picture.ts";
import type { ExportItem } from "./record.ts";

/** A picture that is exported. */
export interface NamedPicture {
  readonly picture: Picture;
  /** Its name, by its content in the run. */
  readonly fileName: string;
}

/** What every row says: the split that it is in. */
export interface SplitRow {
  readonly item: Pick<ExportItem, "split">;
}

/** An item as formats write it. */
export interface Row extends NamedPicture {
  readonly item: ExportItem;
  /** Within its split, from 0. */
  readonly index: number;
}

/** Writes the rows of one format into a folder. */
export interface RowWriter<R = Row> extends AsyncDisposable {
  add(row: R): Promise<void>;
  /** Ends all files. */
  finish(): Promise<Written>;
}

/** What a format has written. */
export interface Written {
  readonly files: readonly NamedFile[];
  /** Pictures that are files of their own. */
  readonly images: ImageFiles | null;
}

export interface NamedFile {
  /** Relative to the set's folder, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ImageFiles {
  readonly count: number;
  readonly bytes: number;
  /** Of the lines "<sha256> <path>", in the order of their first use. */
  readonly sha256: string;
}
