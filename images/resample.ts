import type { RgbImage, Size } from "./image.ts";

export type ResampleFilter = "lanczos" | "bicubic";

interface Filter {
  /** Half-width of the kernel in source pixels, when not shrinking. */
  readonly support: number;
  weight(x: number): number;
}

const filters: Record<ResampleFilter, Filter> = {
  /** Lanczos, a = 3. */
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  /** Cubic convolution, a = -1/2. */
  bicubic: {
    support: 2,
    weight(x) {
      const a = -0.5;
      const d = Math.abs(x);
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
  },
};

/**
 * An image resized exactly as by `Image.resize` of Pillow up to 12, bit for bit: in two passes (`horizontalFirst`), each
 * rounded to 8 bits; an axis that keeps its size is left alone. Its id is derived from the image's id.
 */
export function resample(image: RgbImage, width: number, height: number, filter: ResampleFilter): RgbImage {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new RangeError(`resample to ${width}x${height}, expected positive integers`);
  }
  if (width === image.width && height === image.height) return image;
  const across = width === image.width ? null : kernel(image.width, width, filter);
  const down = height === image.height ? null : kernel(image.height, height, filter);
  let { data } = image;
  if (horizontalFirst(image, { width, height })) {
    if (across) data = resampleRows(data, across);
    if (down) data = resampleColumns(data, width, down);
  } else {
    if (down) data = resampleColumns(data, image.width, down);
    if (across) data = resampleRows(data, across);
  }
  return { id: `${image.id}-${filter}-${width}x${height}`, width, height, data };
}

/** Rows are resampled before columns, but where an image more than 100 times as high as wide becomes lower. */
export function horizontalFirst(image: Size, target: Size): boolean {
  return image.height <= 100 * image.width || target.height >= image.height;
}

/**
 * Weights are 22-bit fixed point: 8 bits of pixel, 22 of weight and 2 for overshoot fill an int32. `Math.imul` says so to
 * the compiler, which else computes in floating point, for half as long again.
 */
const precision = 22;
const half = 1 << (precision - 1);

/** For each of the target positions, `taps` weights (zero-padded) and the first source position they apply to. */
export interface Kernel {
  readonly source: number;
  readonly target: number;
  readonly taps: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
}

export function kernel(source: number, target: number, filter: ResampleFilter): Kernel {
  const { support, weight } = filters[filter];
  const scale = source / target;
  const widening = Math.max(scale, 1);
  const reach = support * widening;
  const taps = Math.ceil(reach) * 2 + 1;
  const first = new Int32Array(target);
  const count = new Int32Array(target);
  const weights = new Int32Array(target * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < target; i++) {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - reach + 0.5));
    const n = Math.min(source, Math.trunc(center + reach + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < n; k++) {
      exact[k] = weight((k + start - center + 0.5) * (1 / widening));
      sum += exact[k] as number;
    }
    first[i] = start;
    count[i] = n;
    for (let k = 0; k < n; k++) {
      const normalised = (exact[k] as number) / sum;
      weights[i * taps + k] = Math.trunc(normalised * (1 << precision) + (normalised < 0 ? -0.5 : 0.5));
    }
  }
  return { source, target, taps, first, count, weights };
}

/** The kernel of an axis that runs the other way: the same sums, to the last bit. */
export function mirror({ source, target, taps, first, count, weights }: Kernel): Kernel {
  const last = target - 1;
  const from = new Int32Array(target);
  const turned = new Int32Array(weights.length);
  for (let i = 0; i < target; i++) {
    const n = count[last - i] as number;
    from[i] = source - (first[last - i] as number) - n;
    for (let k = 0; k < n; k++) turned[i * taps + k] = weights[(last - i) * taps + n - 1 - k] as number;
  }
  return { source, target, taps, first: from, count: count.slice().reverse(), weights: turned };
}

/** Rows of RGB: [rows, source, 3] to [rows, target, 3]. */
export function resampleRows(data: Uint8Array, kernel: Kernel): Uint8Array {
  const { source, target, taps, first, count, weights } = kernel;
  const result = new Uint8ClampedArray((data.length / source) * target);
  let out = 0;
  for (let row = 0; row < data.length; row += source * 3) {
    for (let i = 0; i < target; i++) {
      let from = row + (first[i] as number) * 3;
      const end = i * taps + (count[i] as number);
      let red = half;
      let green = half;
      let blue = half;
      for (let k = i * taps; k < end; k++) {
        const weight = weights[k] as number;
        red = (red + Math.imul(data[from++] as number, weight)) | 0;
        green = (green + Math.imul(data[from++] as number, weight)) | 0;
        blue = (blue + Math.imul(data[from++] as number, weight)) | 0;
      }
      result[out++] = red >> precision;
      result[out++] = green >> precision;
      result[out++] = blue >> precision;
    }
  }
  return new Uint8Array(result.buffer);
}

/**
 * Columns of RGB: [source, width, 3] to [target, width, 3]; or some of the rows that come out, from `start` to before
 * `end`, made of `data` that begins with row `top` of the source.
 */
export function resampleColumns(
  data: Uint8Array,
  width: number,
  { target, taps, first, count, weights }: Kernel,
  [start, end]: readonly [number, number] = [0, target],
  top = 0,
): Uint8Array {
  const stride = width * 3;
  const result = new Uint8ClampedArray((end - start) * stride);
  const sums = new Int32Array(stride);
  for (let i = start; i < end; i++) {
    sums.fill(half);
    for (let k = 0; k < (count[i] as number); k++) {
      const weight = weights[i * taps + k] as number;
      const from = ((first[i] as number) + k - top) * stride;
      for (let x = 0; x < stride; x++)
        sums[x] = (sums[x] as number) + Math.imul(data[from + x] as number, weight);
    }
    const to = (i - start) * stride;
    for (let x = 0; x < stride; x++) result[to + x] = (sums[x] as number) >> precision;
  }
  return new Uint8Array(result.buffer);
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
