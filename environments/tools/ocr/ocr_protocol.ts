import type { RgbImage } from "../../../images/image.ts";

/** A line of text in a picture. */
export interface TextLine {
  readonly text: string;
  /** Left, top, right and bottom, in pixels. */
  readonly box: readonly [number, number, number, number];
}

/** What the thread that reads does. */
export interface ReaderThread {
  /** Loads a language, by tesseract's code; throws a `VisplayError` of code "config" where that is not installed. */
  open(language: string, setting: string): Promise<void>;
  read(image: RgbImage): Promise<readonly TextLine[]>;
  close(): Promise<void>;
}
