import sharp from "sharp";
import type { RgbImage } from "./image.ts";

/** An image as a PNG file, from which `decodeImage` gives the same pixels and the same id. */
export async function encodePng({ width, height, data }: RgbImage): Promise<Uint8Array> {
  // Fast rather than small: images are written while a run trains.
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 3 })
    .toBuffer();
}

/** An image as a JPEG file of high quality, with colours in full resolution. */
export async function encodeJpeg({ width, height, data }: RgbImage): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95, chromaSubsampling: "4:4:4" })
    .toBuffer();
}
