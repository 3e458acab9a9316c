import { ProtobufWriter } from "../common/protobuf.ts";

/**
 * TensorBoard's event files: TFRecords (tensorflow/core/lib/io/record_writer.h) of `Event` messages
 * (tensorflow/core/util/event.proto).
 */

/** Figures by tag at one step of a chart. */
export interface Scalars {
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly values: Readonly<Record<string, number>>;
}

/** The record that a file begins with. */
export function fileHeader(atMs: number): Uint8Array {
  const event = new ProtobufWriter();
  event.double(1, atMs / 1000).text(3, "brain.Event:2");
  return record(event.finish());
}

/**
 * The start of a session, at step 0: readers that saw one before forget all that stood in earlier files of the folder,
 * so that what is written again is not seen twice.
 */
export function startRecord(atMs: number): Uint8Array {
  const event = new ProtobufWriter();
  event.double(1, atMs / 1000).message(7, (session) => session.integer(1, 1));
  return record(event.finish());
}

/** One record with all figures of a step. */
export function scalarsRecord({ step, atMs, values }: Scalars): Uint8Array {
  const event = new ProtobufWriter();
  event.double(1, atMs / 1000).integer(2, step);
  event.message(5, (summary) => {
    for (const [tag, value] of Object.entries(values)) {
      summary.message(1, (scalar) => scalar.text(1, tag).float(2, value));
    }
  });
  return record(event.finish());
}

/** A TFRecord: length, its masked CRC, the data, its masked CRC; little-endian. */
export function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskCrc(crc32c(bytes.subarray(0, 8))), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskCrc(crc32c(data)), true);
  return bytes;
}

/** CRCs are stored rotated and shifted, since a CRC over data that holds its own CRC says little. */
function maskCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** The reflected polynomial of CRC-32C (Castagnoli; RFC 3720, appendix B.4). */
const POLYNOMIAL = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** The CRC-32C of some bytes, 0 to 2³² - 1. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] as number);
  return (crc ^ 0xffffffff) >>> 0;
}
