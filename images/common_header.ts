import { bytesInMemory } from "./bytes.ts";
import type { Header } from "./decode.ts";
import { findFrame } from "./jpeg.ts";

/**
 * Format and size of a JPEG or PNG of the usual kinds by the first bytes of its file, at little cost; null where they do
 * not tell, or anything is odd.
 */
export async function commonHeader(head: Buffer): Promise<Header | null> {
  if (head.length < 33) return null;
  const size = head.readUInt16BE(0) === 0xffd8 ? await jpegSize(head) : pngSize(head);
  return size && size.width > 0 && size.height > 0 ? size : null;
}

/** Of a baseline or progressive JPEG with 8 bits, grey or in three colours. */
async function jpegSize(head: Buffer): Promise<Header | null> {
  const frame = await findFrame(bytesInMemory(head));
  if (!frame?.isPlain || frame.process > 0xc2 || frame.precision !== 8) return null;
  const { components, width, height } = frame;
  return components === 1 || components === 3 ? { format: "jpeg", width, height } : null;
}

const pngStart = Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1");

function pngSize(head: Buffer): Header | null {
  if (!head.subarray(0, pngStart.length).equals(pngStart)) return null;
  return { format: "png", width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}
