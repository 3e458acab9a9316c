import sharp from "sharp";
import { RandomStream } from "../common/random.ts";

/** JPEG files of about so many bytes, all of the same noise, whose contents differ by a comment. */
export async function noisePicture(bytes: number): Promise<(index: number) => Uint8Array> {
  // At this quality noise takes some 1.7 bytes a pixel.
  const side = Math.round(Math.sqrt(bytes / 1.7));
  const stream = new RandomStream(1);
  const pixels = Uint8Array.from({ length: side * side * 3 }, () => stream.integer(256));
  const raw = { width: side, height: side, channels: 3 } as const;
  const file = await sharp(pixels, { raw }).jpeg({ quality: 90 }).toBuffer();
  return (index) => {
    const comment = Buffer.from(`....${index}`);
    comment.writeUInt16BE(0xfffe, 0);
    comment.writeUInt16BE(comment.length - 2, 2);
    return Buffer.concat([file.subarray(0, 2), comment, file.subarray(2)]);
  };
}
