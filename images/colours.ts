/** What the first bands of a picture's pixels hold; "limitedGrey" has black at 16 and white at 235. */
export type Colours = "rgb" | "limitedGrey" | "cmyk" | "ycc";

/** Pixels as they are stored: `bands` numbers each, the colours first. */
export interface StoredPixels {
  readonly data: Uint8Array;
  readonly bands: number;
  readonly colours: Colours;
  /** Whether the band after the colours is transparency. */
  readonly alpha: boolean;
}

/** The higher bytes of 16-bit numbers, which is what Pillow takes of them. */
export function highBytes(numbers: Uint16Array): Uint8Array {
  return Uint8Array.from(numbers, (value) => value >> 8);
}

/**
 * The same pixels as 8-bit RGB, by the arithmetic of Pillow: profiles play no part, and what is transparent lies over
 * white. May be the very data that it is given.
 */
export function rgbOf({ data, bands, colours, alpha }: StoredPixels): Uint8Array {
  if (bands === 3 && colours === "rgb") return data;
  const rgb = new Uint8ClampedArray((data.length / bands) * 3);
  const write = writers[colours];
  for (let from = 0, to = 0; from < data.length; from += bands, to += 3) {
    write(data, from, rgb, to);
    if (alpha) overWhite(rgb, to, data[from + 3] as number);
  }
  return new Uint8Array(rgb.buffer);
}

type Write = (data: Uint8Array, from: number, rgb: Uint8ClampedArray, to: number) => void;

const writers: Record<Colours, Write> = {
  rgb(data, from, rgb, to) {
    for (let c = 0; c < 3; c++) rgb[to + c] = data[from + c] as number;
  },
  limitedGrey(data, from, rgb, to) {
    for (let c = 0; c < 3; c++) rgb[to + c] = Math.round((((data[from + c] as number) - 16) * 255) / 219);
  },
  cmyk(data, from, rgb, to) {
    const light = 255 - (data[from + 3] as number);
    for (let c = 0; c < 3; c++) rgb[to + c] = light - by255((data[from + c] as number) * light);
  },
  /** ITU-R BT.601, of full range, as in JFIF. */
  ycc(data, from, rgb, to) {
    const y = data[from] as number;
    const cb = (data[from + 1] as number) - 128;
    const cr = (data[from + 2] as number) - 128;
    rgb[to] = y + 1.402 * cr;
    rgb[to + 1] = y - 0.344136 * cb - 0.714136 * cr;
    rgb[to + 2] = y + 1.772 * cb;
  },
};

function overWhite(rgb: Uint8ClampedArray, at: number, alpha: number): void {
  for (let c = 0; c < 3; c++) rgb[at + c] = by255((rgb[at + c] as number) * alpha + 255 * (255 - alpha));
}

/** A product of two bytes divided by 255, rounded, without dividing. */
function by255(product: number): number {
  const biased = product + 128;
  return ((biased >> 8) + biased) >> 8;
}
