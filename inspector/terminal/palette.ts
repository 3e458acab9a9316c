import type { RgbImage } from "../../images/image.ts";

export type Colour = readonly [red: number, green: number, blue: number];

/** A picture in few colours. */
export interface Quantised {
  readonly colours: readonly Colour[];
  /** The colour of each pixel, row by row. */
  readonly indices: Uint8Array;
}

/** Different colours with how many pixels have them. */
interface Box {
  readonly colours: readonly Weighted[];
  /** The channel along which they lie farthest apart, and how far, by the square of that, that all pixels together are. */
  readonly channel: number;
  readonly spread: number;
}

interface Weighted {
  readonly key: number;
  readonly colour: Colour;
  readonly pixels: number;
}

/** A picture in no more than `most` colours (256 at most): its own where it has no more, else by median cut. */
export function quantise({ data }: RgbImage, most: number): Quantised {
  const pixels = new Map<number, number>();
  const keys = new Uint32Array(data.length / 3);
  for (let i = 0; i < keys.length; i++) {
    const [red, green, blue] = data.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
    const key = (red << 16) | (green << 8) | blue;
    keys[i] = key;
    pixels.set(key, (pixels.get(key) ?? 0) + 1);
  }
  const boxes = cut(
    [...pixels].map(([key, count]) => ({ key, colour: colourOf(key), pixels: count })),
    most,
  );
  const places = new Map(boxes.flatMap(({ colours }, i) => colours.map(({ key }) => [key, i] as const)));
  return {
    colours: boxes.map(({ colours }) => meanOf(colours)),
    indices: Uint8Array.from(keys, (key) => places.get(key) as number),
  };
}

/** Halves the box with the greatest spread until there are enough. */
function cut(colours: readonly Weighted[], most: number): Box[] {
  const boxes = colours.length > 0 ? [boxOf(colours)] : [];
  while (boxes.length < most) {
    const widest = boxes.reduce((best, box) => (box.spread > best.spread ? box : best));
    if (widest.spread === 0) break;
    boxes.splice(boxes.indexOf(widest), 1, ...halvesOf(widest).map(boxOf));
  }
  return boxes;
}

function boxOf(colours: readonly Weighted[]): Box {
  const widths = [0, 1, 2].map((channel) => {
    let [least, greatest] = [255, 0];
    for (const { colour } of colours) {
      least = Math.min(least, colour[channel] as number);
      greatest = Math.max(greatest, colour[channel] as number);
    }
    return greatest - least;
  });
  const width = Math.max(...widths);
  const pixels = colours.reduce((sum, each) => sum + each.pixels, 0);
  return { colours, channel: widths.indexOf(width), spread: width ** 2 * pixels };
}

/** Two parts with as equal numbers of pixels as the order along the widest channel allows, neither of them empty. */
function halvesOf({ colours, channel }: Box): readonly (readonly Weighted[])[] {
  const ordered = colours.toSorted((a, b) => (a.colour[channel] as number) - (b.colour[channel] as number));
  const half = ordered.reduce((sum, { pixels }) => sum + pixels, 0) / 2;
  let before = 0;
  let at = 0;
  while (before < half) before += (ordered[at++] as Weighted).pixels;
  const middle = Math.max(1, Math.min(at, ordered.length - 1));
  return [ordered.slice(0, middle), ordered.slice(middle)];
}

function meanOf(colours: readonly Weighted[]): Colour {
  const all = colours.reduce((sum, { pixels }) => sum + pixels, 0);
  const mean = (channel: number) =>
    Math.round(
      colours.reduce((sum, { colour, pixels }) => sum + (colour[channel] as number) * pixels, 0) / all,
    );
  return [mean(0), mean(1), mean(2)];
}

function colourOf(key: number): Colour {
  return [key >> 16, (key >> 8) & 255, key & 255];
}
