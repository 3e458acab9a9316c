import type { Header } from "./decode.ts";

/**
 * Format and size of a JPEG or PNG of the usual kinds by the first bytes of its file, at little cost; null where they do
 * not tell, or anything is odd.
 */
export function commonHeader(head: Buffer): Header | null {
  if (head.length < 33) return null;
  const size = head.readUInt16BE(0) === 0xffd8 ? jpegSize(head) : pngSize(head);
  return size && size.width > 0 && size.height > 0 ? size : null;
}

/** The frame of a baseline or progressive JPEG with 8 bits, grey or in three colours (T.81, B.2.2). */
function jpegSize(head: Buffer): Header | null {
  for (let at = 2; at + 10 <= head.length; ) {
    const marker = head.readUInt16BE(at);
    if (marker >= 0xffc0 && marker <= 0xffc2) {
      const [bits, components] = [head[at + 4], head[at + 9]];
      if (bits !== 8 || (components !== 1 && components !== 3)) return null;
      return { format: "jpeg", width: head.readUInt16BE(at + 7), height: head.readUInt16BE(at + 5) };
    }
    const isTable = marker === 0xffc4 || marker === 0xffdb || marker === 0xffdd;
    const isApplication = (marker >= 0xffe0 && marker <= 0xffef) || marker === 0xfffe;
    if (!isTable && !isApplication) return null;
    at += 2 + Math.max(2, head.readUInt16BE(at + 2));
  }
  return null;
}

const pngStart = Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1");

function pngSize(head: Buffer): Header | null {
  if (!head.subarray(0, pngStart.length).equals(pngStart)) return null;
  return { format: "png", width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}
