import type { Bytes } from "./bytes.ts";
import { damagedError, unsupportedError } from "./refusal.ts";

interface Box {
  readonly type: string;
  readonly content: Buffer;
}

/** Items and properties of a picture; more is damage. */
const maxMetaBytes = 2 ** 22;

/**
 * Whether an AVIF is grey with black at 16 and white at 235, which the decoder leaves there. Reads the boxes before the
 * pixels (ISO 14496-12; AV1-ISOBMFF, section 2.3); throws a `Refusal` where they are amiss.
 */
export async function isLimitedGrey(bytes: Bytes): Promise<boolean> {
  const meta = await findMeta(bytes);
  if (!meta)
    throw isSequence(await bytes.read(0, 12))
      ? unsupportedError("avif", "a sequence without a still picture")
      : damagedError("avif", "it does not say where its picture is");
  const properties = primaryProperties(meta);
  const av1 = properties.find(({ type }) => type === "av1C")?.content;
  const colours = properties.find(
    ({ type, content }) => type === "colr" && content.toString("latin1", 0, 4) === "nclx",
  );
  const monochrome = ((av1?.[2] ?? 0) & 0x10) !== 0;
  const fullRange = ((colours?.content[10] ?? 0x80) & 0x80) !== 0;
  return monochrome && !fullRange;
}

/** Whether an AVIF is said to be a sequence, which libvips does not know, though it holds a still picture as well. */
export function isSequence(head: Buffer): boolean {
  return head.toString("latin1", 4, 12) === "ftypavis";
}

/** The same file under the brand of a still picture. */
export function asStill(sequence: Buffer): Buffer {
  const still = Buffer.from(sequence);
  still.write("avif", 8, "latin1");
  return still;
}

async function findMeta(bytes: Bytes): Promise<Buffer | null> {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const head = await bytes.read(at, 16);
    const short = head.readUInt32BE(0);
    const size = short === 1 && head.length === 16 ? Number(head.readBigUInt64BE(8)) : short;
    if (head.toString("latin1", 4, 8) === "meta") {
      // A full box: its version and flags come first.
      return size <= maxMetaBytes ? bytes.read(at + 12, size - 12) : null;
    }
    if (size < 8) return null;
    at += size;
  }
  return null;
}

/** The properties of the picture itself, not of its thumbnail or its transparency. */
function primaryProperties(meta: Buffer): Box[] {
  const boxes = boxesOf(meta);
  const primary = find(boxes, "pitm");
  const properties = boxesOf(find(boxes, "iprp"));
  const all = boxesOf(find(properties, "ipco"));
  const associations = find(properties, "ipma");
  try {
    const wideIds = associations.readUInt8(0) >= 1;
    const wideIndices = (associations.readUInt8(3) & 1) !== 0;
    const id = primary.readUInt8(0) === 0 ? primary.readUInt16BE(4) : primary.readUInt32BE(4);
    let at = 8;
    for (let items = associations.readUInt32BE(4); items > 0; items--) {
      const item = wideIds ? associations.readUInt32BE(at) : associations.readUInt16BE(at);
      at += wideIds ? 4 : 2;
      const count = associations.readUInt8(at++);
      const size = wideIndices ? 2 : 1;
      // The highest bit of an index says that the property is essential.
      const index = (i: number): number =>
        wideIndices ? associations.readUInt16BE(at + 2 * i) & 0x7fff : associations.readUInt8(at + i) & 0x7f;
      if (item === id)
        return Array.from({ length: count }, (_, i) => all[index(i) - 1]).filter((box) => !!box);
      at += count * size;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw damagedError("avif", "its properties break off", error);
  }
  return [];
}

function find(boxes: readonly Box[], type: string): Buffer {
  return boxes.find((box) => box.type === type)?.content ?? Buffer.alloc(0);
}

function boxesOf(content: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= content.length; ) {
    const size = content.readUInt32BE(at);
    if (size < 8) break;
    boxes.push({
      type: content.toString("latin1", at + 4, at + 8),
      content: content.subarray(at + 8, at + size),
    });
    at += size;
  }
  return boxes;
}
