import { open, rename, rm } from "node:fs/promises";
import { sizeOf } from "../../autodiff/tensor_type.ts";
import { VisplayError } from "../../common/errors.ts";
import { narrow } from "./float_formats.ts";
import { elementBytes, readFloats, type TensorPlace, tensorBytes } from "./safetensors.ts";

/** Floats in memory, row-major. */
export interface FloatArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Floats that are computed when they are written. */
export interface ComputedFloats {
  readonly shape: readonly number[];
  readonly compute: () => Promise<Float32Array>;
}

/** Signed bytes that are computed when they are written. */
export interface ComputedBytes {
  readonly shape: readonly number[];
  readonly bytes: () => Promise<Int8Array>;
}

/** What is written: floats, bytes, or a tensor of another file. */
export type TensorSource = FloatArray | ComputedFloats | ComputedBytes | TensorPlace;

/** The element types of floats that can be written. */
export type FloatDtype = "F32" | "BF16" | "F16";

/** The type that a tensor is written in: bytes as they are, floats as `dtype`, else as in their file, else in 32 bits. */
function writtenDtype(source: TensorSource, dtype?: FloatDtype): TensorPlace["dtype"] {
  if ("bytes" in source) return "I8";
  return dtype ?? ("dtype" in source ? source.dtype : "F32");
}

/** Bytes of a tensor as it is written. */
export function writtenBytes(source: TensorSource, dtype?: FloatDtype): number {
  return sizeOf(source.shape) * elementBytes[writtenDtype(source, dtype)];
}

/**
 * Writes tensors, sorted by name, so that equal tensors give equal bytes; those of other files pass through in parts.
 * The file appears whole or not at all. `dtype` converts all of them, rounding to nearest, ties to even. Throws a
 * `VisplayError` of code "disk" if it cannot be written.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorSource>,
  dtype?: FloatDtype,
): Promise<void> {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w");
    try {
      for await (const bytes of inLargeParts(allBytes(sorted, dtype))) await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if (cause instanceof VisplayError || cause instanceof RangeError) throw cause;
    throw new VisplayError("disk", `${path}: cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** An adapter has many small tensors, and on a busy machine each write waits for its turn. */
const partBytes = 4 * 2 ** 20;

async function* allBytes(
  sorted: readonly (readonly [string, TensorSource])[],
  dtype?: FloatDtype,
): AsyncGenerator<Uint8Array> {
  yield headerOf(sorted, dtype);
  for (const [, source] of sorted) yield* bytesOf(source, dtype);
}

/** The same bytes, small parts joined; what is given is copied before the next part is asked for, or passed on as it is. */
async function* inLargeParts(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const joined = new Uint8Array(partBytes);
  let length = 0;
  for await (const part of parts) {
    if (length + part.length > partBytes) {
      yield joined.subarray(0, length);
      length = 0;
    }
    if (part.length > partBytes) yield part;
    else {
      joined.set(part, length);
      length += part.length;
    }
  }
  yield joined.subarray(0, length);
}

function headerOf(sorted: readonly (readonly [string, TensorSource])[], dtype?: FloatDtype): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let end = 0;
  for (const [name, source] of sorted) {
    const { shape } = source;
    if ("data" in source && sizeOf(shape) !== source.data.length)
      throw new RangeError(`${name}: [${shape}] does not hold ${source.data.length}`);
    const begin = end;
    end += writtenBytes(source, dtype);
    header[name] = { dtype: writtenDtype(source, dtype), shape, data_offsets: [begin, end] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
  json.copy(bytes, 8);
  return bytes;
}

async function* bytesOf(source: TensorSource, dtype?: FloatDtype): AsyncGenerator<Uint8Array> {
  const wanted = writtenDtype(source, dtype);
  if ("dtype" in source && source.dtype === wanted) {
    yield* tensorBytes(source);
    return;
  }
  if ("bytes" in source) {
    const { buffer, byteOffset, byteLength } = await source.bytes();
    yield new Uint8Array(buffer, byteOffset, byteLength);
    return;
  }
  const floats = await floatsOf(source);
  const out = wanted === "F32" ? floats : narrow[wanted as keyof typeof narrow](floats);
  yield new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
}

async function floatsOf(source: Exclude<TensorSource, ComputedBytes>): Promise<Float32Array> {
  if ("data" in source) return source.data;
  if ("compute" in source) return source.compute();
  return readFloats(source, new Float32Array(sizeOf(source.shape)));
}
