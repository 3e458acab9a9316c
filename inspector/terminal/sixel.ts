import type { RgbImage } from "../../images/image.ts";
import { quantise } from "./palette.ts";

/** Pixels in a column that one character tells of. */
const BAND = 6;

/** Colours that a terminal keeps for a picture. */
const COLOURS = 256;

/** A picture as sixels: bands of six rows, a layer for each colour in them; channels in percent (DEC, VT330/340). */
export function sixelPicture(image: RgbImage): string {
  const { width, height } = image;
  const { colours, indices } = quantise(image, COLOURS);
  const percent = (value: number) => Math.round((value * 100) / 255);
  const palette = colours.map((colour, i) => `#${i};2;${colour.map(percent).join(";")}`).join("");
  const bands = Array.from({ length: Math.ceil(height / BAND) }, (_, i) =>
    bandOf(indices.subarray(i * BAND * width, (i + 1) * BAND * width), width),
  );
  return `\u001bP0;1;0q"1;1;${width};${height}${palette}${bands.join("-")}\u001b\\`;
}

/** Up to six rows of pixels. */
function bandOf(indices: Uint8Array, width: number): string {
  const layers = new Map<number, Uint8Array>();
  for (const [at, colour] of indices.entries()) {
    const layer = layers.get(colour) ?? new Uint8Array(width);
    layers.set(colour, layer);
    layer[at % width] = (layer[at % width] as number) | (1 << Math.floor(at / width));
  }
  return [...layers].map(([colour, layer]) => `#${colour}${runsOf(layer)}`).join("$");
}

/** A layer's characters; more than three of one in a row as their number. What is empty at its end is left out. */
function runsOf(layer: Uint8Array): string {
  const text = String.fromCharCode(...layer.map((bits) => bits + 63));
  return text.replace(/\?+$/, "").replace(/(.)\1{3,}/g, (run, character) => `!${run.length}${character}`);
}
