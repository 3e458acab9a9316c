/** What becomes of each value of red, green and blue, [3][256]. */
export type Curves = readonly [Uint8ClampedArray, Uint8ClampedArray, Uint8ClampedArray];

/** The curves by which a value of each channel (0 red, 1 green, 2 blue) becomes another; what exceeds 0 to 255 is clipped. */
export function curves(of: (channel: number) => (value: number) => number): Curves {
  const curve = (channel: number) => {
    const become = of(channel);
    return Uint8ClampedArray.from({ length: 256 }, (_, value) => become(value));
  };
  return [curve(0), curve(1), curve(2)];
}

/** All channels by 255 (value / 255)^gamma: below 1 it lifts the shadows, above it deepens them. */
export function gammaCurves(gamma: number): Curves {
  return curves(() => (value) => 255 * (value / 255) ** gamma);
}

/** Whole pixels after curves. */
export function along(curves: Curves, pixels: Uint8Array): Uint8Array {
  return pixels.map((value, i) => (curves[i % 3] as Uint8ClampedArray)[value] as number);
}
