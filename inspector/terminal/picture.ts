import { encodePng } from "../../images/encode.ts";
import { imageOf, type RgbImage, type Size } from "../../images/image.ts";
import { pictureWithin } from "../../images/preview.ts";
import { blocksPicture } from "./blocks.ts";
import { itermPicture } from "./iterm.ts";
import { kittyPicture } from "./kitty.ts";
import type { PictureForm } from "./picture_form.ts";
import { sixelPicture } from "./sixel.ts";

/** Cells that a picture takes at most; one is about twice as high as wide. */
const MOST_CELLS: Size = { width: 48, height: 20 };

/** Pixels of a cell, where a terminal scales pictures itself: it has no fewer than these. */
const CELL: Size = { width: 8, height: 16 };

export interface PictureOptions {
  readonly form: PictureForm;
  /** Of blocks. */
  readonly colours: "all" | "256";
  /** Cells in a line. */
  readonly columns: number;
}

/**
 * An image file as the text that shows it in a terminal, a whole number of lines; empty where the terminal shows none.
 * Throws "images" as `decodeImage` does.
 */
export async function pictureText(path: string, { form, colours, columns }: PictureOptions): Promise<string> {
  if (form === "none") return "";
  const most = { width: Math.max(1, Math.min(columns, MOST_CELLS.width)), height: MOST_CELLS.height };
  if (form === "blocks") {
    return `${blocksPicture(await pictureWithin(path, { width: most.width, height: 2 * most.height }), colours)}\n`;
  }
  const box = { width: most.width * CELL.width, height: most.height * CELL.height };
  const image = await pictureWithin(path, box);
  if (form === "sixel") return `${sixelPicture(enlarge(image, box))}\n`;
  const cells = cellsOf(image, box, most);
  const draw = form === "kitty" ? kittyPicture : itermPicture;
  return `${draw(await encodePng(image), cells)}\n`;
}

/** Cells that a picture fills: as many as there are in one direction, also where it is small. */
function cellsOf({ width, height }: Size, box: Size, most: Size): Size {
  const scale = Math.min(box.width / width, box.height / height);
  const cells = (side: number, cell: number, limit: number) =>
    Math.max(1, Math.min(limit, Math.round((side * scale) / cell)));
  return { width: cells(width, CELL.width, most.width), height: cells(height, CELL.height, most.height) };
}

/** A small picture with each of its pixels as a square of them, as large as the box allows. */
function enlarge(image: RgbImage, box: Size): RgbImage {
  const factor = Math.floor(Math.min(box.width / image.width, box.height / image.height));
  if (factor <= 1) return image;
  const [width, height] = [image.width * factor, image.height * factor];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const from = (Math.floor(y / factor) * image.width + Math.floor(x / factor)) * 3;
      data.set(image.data.subarray(from, from + 3), to);
    }
  }
  return imageOf(width, height, data);
}
