import type { Orientation } from "./orientation.ts";

/** An EXIF block that says how pixels become upright, and nothing else; as TIFF, little-endian. */
export function orientationBlock(orientation: Orientation): Buffer {
  const block = Buffer.alloc(26);
  block.write("II*\0", 0, "latin1");
  block.writeUInt32LE(8, 4);
  // One entry: tag 274, one 16-bit number.
  block.writeUInt16LE(1, 8);
  block.writeUInt16LE(274, 10);
  block.writeUInt16LE(3, 12);
  block.writeUInt32LE(1, 14);
  block.writeUInt16LE(orientation, 18);
  return block;
}
