/** Pixels of a sixel picture, [height, width, 3], channels in percent; null where a pixel was not drawn. */
export interface DecodedSixels {
  readonly width: number;
  readonly height: number;
  readonly pixels: readonly (readonly number[] | null)[];
}

/** Decodes what `sixelPicture` may write: raster attributes, RGB colours, repeats. */
export function decodeSixels(text: string): DecodedSixels {
  const [, raster = "", body = ""] =
    /^␛P0;1;0q"1;1;([\d;]+)([\s\S]*)␛\\$/.exec(text.replaceAll("\u001b", "␛")) ?? [];
  const [width = 0, height = 0] = raster.split(";").map(Number);
  const pixels = new Array<readonly number[] | null>(width * height).fill(null);
  const palette = new Map<number, number[]>();
  let [x, y, colour] = [0, 0, 0];
  for (const [token, , number, mix, repeat, character] of body.matchAll(
    /(#(\d+)(?:;2;([\d;]+))?)|(?:!(\d+))?([?-~])|[$-]/g,
  )) {
    if (number !== undefined) {
      colour = Number(number);
      if (mix !== undefined) palette.set(colour, mix.split(";").map(Number));
    } else if (token === "$") x = 0;
    else if (token === "-") [x, y] = [0, y + 6];
    else {
      const bits = (character as string).charCodeAt(0) - 63;
      for (let n = Number(repeat ?? 1); n > 0; n--, x++) {
        for (let row = 0; row < 6; row++) {
          if ((bits >> row) & 1) pixels[(y + row) * width + x] = palette.get(colour) as number[];
        }
      }
    }
  }
  return { width, height, pixels };
}
