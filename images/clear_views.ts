import { deriveSeed, RandomStream } from "../common/random.ts";
import { blurred } from "./blurred.ts";
import { along, type Curves, curves, gammaCurves } from "./curves.ts";
import type { RgbImage } from "./image.ts";
import { moved } from "./moved.ts";
import { changePixels } from "./pixels.ts";

/**
 * The `k`-th clear view of an image: the same content in a better light, as a photographer would develop it, so that what
 * it shows is recognised more surely. View 0 is the image itself; then come in turn its exposure raised (the brightest 1%
 * of it become white), its colours balanced and its grain softened (in each channel the brightest tenth becomes white), its
 * shadows lifted (gamma below 1); after these the same by other amounts, moved by up to 1/64 of the picture, so that errors
 * of views are not all alike. Every question keeps its answer. The same arguments give the same pixels.
 */
export async function clearView(
  image: RgbImage,
  k: number,
  seed: number,
  signal?: AbortSignal,
): Promise<RgbImage> {
  if (k === 0) return image;
  const kind = kinds[(k - 1) % kinds.length] as Kind;
  const stream = new RandomStream(deriveSeed(seed, "clear view", image.id, k));
  const { data, curves } = await kind(image, stream);
  const developed = await changePixels(data, (pixels) => along(curves, pixels), signal);
  return {
    ...image,
    id: `${image.id}-clear-${seed}-${k}`,
    data: k <= kinds.length ? developed : moved({ ...image, data: developed }, stream),
  };
}

/** Develops an image: what its pixels are to begin with, and the curves that they follow. */
type Kind = (image: RgbImage, stream: RandomStream) => Development | Promise<Development>;

interface Development {
  readonly data: Uint8Array;
  readonly curves: Curves;
}

const kinds: readonly Kind[] = [
  ({ data }, stream) => ({ data, curves: exposure(data, stream.between(0.98, 1.02)) }),
  async (image, stream) => {
    const data = await blurred(image, stream.between(0.7, 0.9));
    return { data, curves: balance(data, stream.between(0.97, 1.03)) };
  },
  ({ data }, stream) => ({ data, curves: gammaCurves(stream.between(0.75, 0.85)) }),
  ({ data }, stream) => ({ data, curves: balance(data, stream.between(0.97, 1.05)) }),
];

/** All channels by one factor: the brightness that 99% of the pixels do not exceed becomes `white`, a share of the full range. */
function exposure(data: Uint8Array, white: number): Curves {
  const brightness = (i: number) => (data[i] as number) + (data[i + 1] as number) + (data[i + 2] as number);
  const factor = (255 * white) / Math.max(1, quantile(data, 0.99, brightness) / 3);
  return curves(() => (value) => factor * value);
}

/** Each channel by a factor of its own: the value that 90% of it do not exceed becomes `white`. */
function balance(data: Uint8Array, white: number): Curves {
  return curves((channel) => {
    const factor =
      (255 * white) /
      Math.max(
        1,
        quantile(data, 0.9, (i) => data[i + channel] as number),
      );
    return (value) => factor * value;
  });
}

/** Pixels that a quantile is taken of at most, evenly over an image. */
const looked = 2 ** 16;

/** The least value that a share of an image's pixels do not exceed; each of these begins at some place of its values. */
function quantile(data: Uint8Array, share: number, valueAt: (place: number) => number): number {
  const stride = 3 * Math.max(1, Math.floor(data.length / 3 / looked));
  const values = Array.from({ length: Math.ceil(data.length / stride) }, (_, i) => valueAt(i * stride));
  return values.sort((a, b) => a - b)[Math.ceil(share * values.length) - 1] as number;
}
