import sharp from "sharp";
import type { RgbImage } from "./image.ts";

/**
 * An image scaled down in proportion to about `pixels`; one that has no more is returned itself. Its id is derived from
 * the image's id. Works outside the calling thread.
 */
export async function shrunk(image: RgbImage, pixels: number): Promise<RgbImage> {
  const scale = Math.sqrt(pixels / (image.width * image.height));
  if (scale >= 1) return image;
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const { data, info } = await sharp(image.data, { raw })
    .resize(width, height, { fit: "fill" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const size = { width: info.width, height: info.height };
  return { id: `${image.id}-${size.width}x${size.height}`, ...size, data };
}
