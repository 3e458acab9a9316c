import type { Metadata } from "sharp";
import { bytesInMemory } from "./bytes.ts";
import type { ImageFormat } from "./format.ts";
import { readDirectory } from "./tiff_directory.ts";

/** How stored pixels become upright, by the number that EXIF gives it (tag 274): turned, and mirrored. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const orientationTag = 274;

/** Where an orientation may be said, beside a TIFF's own tag. */
export type Marks = Pick<Metadata, "exif" | "xmp" | "comments"> & { readonly tag?: number | undefined };

/**
 * The orientation as Pillow finds it: what the EXIF block says, be it 1 or nonsense, and where it says nothing, what XMP
 * does. An old PNG has its EXIF block in a text. In an AVIF that of an EXIF block is void: the decoder turns by its boxes.
 */
export async function orientationOf(format: ImageFormat, marks: Marks): Promise<Orientation> {
  const exif = marks.exif ?? exifInText(marks.comments);
  if (format === "avif" && exif) return 1;
  const said = marks.tag ?? (exif && (await orientationIn(exif))) ?? orientationInXmp(marks.xmp);
  return said !== undefined && said >= 1 && said <= 8 ? (said as Orientation) : 1;
}

async function orientationIn(exif: Buffer): Promise<number | undefined> {
  const prefix = exif.toString("latin1", 0, 6) === "Exif\0\0" ? 6 : 0;
  return (await readDirectory(bytesInMemory(exif.subarray(prefix))))?.value(orientationTag);
}

/** ImageMagick's way to keep EXIF in a PNG: a name, a length, and hexadecimal digits. */
function exifInText(comments: Marks["comments"]): Buffer | undefined {
  const text = comments?.find(({ keyword }) => keyword === "Raw profile type exif")?.text;
  const [, digits] = /^\s*exif\s+\d+\s+([\da-f\s]+)/i.exec(text ?? "") ?? [];
  return digits === undefined ? undefined : Buffer.from(digits.replace(/\s/g, ""), "hex");
}

function orientationInXmp(xmp: Buffer | undefined): number | undefined {
  const [, digit] = /tiff:Orientation(?:="|>)(\d)/.exec(xmp?.toString("latin1") ?? "") ?? [];
  return digit === undefined ? undefined : Number(digit);
}

/** Whether upright pixels have the stored ones' width for their height. */
export function isTransposed(orientation: Orientation): boolean {
  return orientation >= 5;
}

/** Whether the stored columns, and the stored rows, run the other way. */
export function mirrorsOf(orientation: Orientation): [columns: boolean, rows: boolean] {
  return [[2, 3, 7, 8].includes(orientation), [3, 4, 6, 7].includes(orientation)];
}

/** RGB, [height, width, 3]. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Stored RGB pixels, upright. */
export function turnUpright(stored: Pixels, orientation: Orientation): Pixels {
  if (orientation === 1) return stored;
  const { width, height, data } = stored;
  const transposed = isTransposed(orientation);
  const result = new Uint8Array(data.length);
  const [mirroredX, mirroredY] = mirrorsOf(orientation);
  const [outWidth, outHeight] = transposed ? [height, width] : [width, height];
  for (let y = 0, to = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++) {
      const [column, row] = transposed ? [y, x] : [x, y];
      const fromX = mirroredX ? width - 1 - column : column;
      const fromY = mirroredY ? height - 1 - row : row;
      const from = (fromY * width + fromX) * 3;
      result[to++] = data[from] as number;
      result[to++] = data[from + 1] as number;
      result[to++] = data[from + 2] as number;
    }
  return { width: outWidth, height: outHeight, data: result };
}
