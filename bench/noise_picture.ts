import sharp from "sharp";
import { RandomStream } from "../common/random.ts";

/** How much finer the pixels are than what they show, about as in photographs. */
const smoothness = 4;

/** JPEG files of about so many bytes, all of the same smooth noise, whose contents differ by a comment. */
export async function noisePicture(bytes: number): Promise<(index: number) => Uint8Array> {
  const stream = new RandomStream(1);
  const draw = (side: number): Promise<Buffer> => {
    const coarse = Math.ceil(side / smoothness);
    const pixels = Uint8Array.from({ length: coarse * coarse * 3 }, () => stream.integer(256));
    return sharp(pixels, { raw: { width: coarse, height: coarse, channels: 3 } })
      .resize(side, side, { kernel: "cubic" })
      .jpeg({ quality: 90 })
      .toBuffer();
  };
  const trial = 256;
  const perPixel = (await draw(trial)).length / trial ** 2;
  const file = await draw(Math.round(Math.sqrt(bytes / perPixel)));
  return (index) => {
    const comment = Buffer.from(`....${index}`);
    comment.writeUInt16BE(0xfffe, 0);
    comment.writeUInt16BE(comment.length - 2, 2);
    return Buffer.concat([file.subarray(0, 2), comment, file.subarray(2)]);
  };
}
