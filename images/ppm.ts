import type { Pixels } from "./orientation.ts";

/** More than the header of a PPM has. */
const headerBytes = 64;

/**
 * Pictures in PPM (P6, 8 bits), one after the other; one of them is in memory at a time, and `onSize` is told of each
 * before it is. Stops where the stream does, be it within a picture.
 */
export async function* readPpms(
  chunks: AsyncIterable<Buffer>,
  onSize: (width: number, height: number) => void,
): AsyncGenerator<Pixels> {
  let head = Buffer.alloc(0);
  let pixels: Pixels | null = null;
  let filled = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (rest.length > 0) {
      if (!pixels) {
        head = Buffer.concat([head, rest]);
        const [header, width, height] =
          /^P6\n(\d+) (\d+)\n255\n/.exec(head.toString("latin1", 0, headerBytes)) ?? [];
        if (header === undefined) {
          if (head.length >= headerBytes) throw new RangeError("a stream that is no PPM");
          break;
        }
        onSize(Number(width), Number(height));
        pixels = {
          width: Number(width),
          height: Number(height),
          data: new Uint8Array(3 * Number(width) * Number(height)),
        };
        rest = head.subarray(header.length);
        head = Buffer.alloc(0);
        filled = 0;
      }
      const part = rest.subarray(0, pixels.data.length - filled);
      pixels.data.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled < pixels.data.length) continue;
      yield pixels;
      pixels = null;
    }
  }
}
