import sharp from "sharp";
import type { RgbImage } from "./image.ts";

/**
 * An image scaled down in proportion to about `pixels`; one that has no more is returned itself. Its id is derived from
 * the image's id. Works outside the calling thread.
 */
export async function shrunk(image: RgbImage, pixels: number): Promise<RgbImage> {
  const scale = Math.sqrt(pixels / (image.width * image.height));
  if (scale >= 1) return image;
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  const [width, height] = [side(image.width), side(image.height)];
  const data = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .resize(width, height, { fit: "fill" })
    .raw()
    .toBuffer();
  return { id: `${image.id}-${width}x${height}`, width, height, data };
}
