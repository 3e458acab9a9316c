import { type FileHandle, open } from "node:fs/promises";
import { sizeOf } from "../../autodiff/tensor_type.ts";
import {
  type JsonFields,
  modelError,
  parseModelJson,
  refusePointer,
  requireFile,
  show,
  tryRead,
} from "../model_files.ts";
import { widen } from "./float_formats.ts";

/** Bytes of one element, by its type as the format names it. */
export const elementBytes = {
  F64: 8,
  F32: 4,
  BF16: 2,
  F16: 2,
  I64: 8,
  I32: 4,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

/** The element types that are read, named as in the format. */
export type Dtype = keyof typeof elementBytes;
const dtypes = Object.keys(elementBytes) as Dtype[];

interface Typed<D extends Dtype, T> {
  /** The element type on disk. */
  readonly dtype: D;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: T;
}

/** Floating-point numbers, in memory always 32-bit. */
export type FloatTensor = Typed<"F64" | "F32" | "BF16" | "F16", Float32Array<ArrayBuffer>>;

/** A tensor as read from a file. */
export type StoredTensor =
  | FloatTensor
  | Typed<"I64", BigInt64Array<ArrayBuffer>>
  | Typed<"I32", Int32Array<ArrayBuffer>>
  | Typed<"I8", Int8Array<ArrayBuffer>>
  | Typed<"U8" | "BOOL", Uint8Array<ArrayBuffer>>;

/** Where a tensor's bytes lie, and what they mean. */
export interface TensorPlace {
  readonly path: string;
  /** Of the first element, bytes. */
  readonly offset: number;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** Headers of real models stay below 1 MB (the format itself allows 100 MB). */
const maxHeaderBytes = 16 * 2 ** 20;
const maxReadBytes = 2 ** 30;
const chunkBytes = 2 ** 20;

/**
 * The tensors of a safetensors file by name, in the order of their bytes. 16- and 64-bit floats become 32-bit.
 * Throws a `VisplayError` of code "model" if the file is missing or violates the format in any way.
 */
export async function readSafetensors(path: string): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, place] of await locateTensors(path)) tensors.set(name, await readTensor(place));
  return tensors;
}

/** Where the tensors of a safetensors file lie, by its header alone. Throws as `readSafetensors` does. */
export function locateTensors(path: string): Promise<Map<string, TensorPlace>> {
  return tryRead(path, async () => {
    await requireFile(path, Number.MAX_SAFE_INTEGER);
    const file = await open(path);
    try {
      const { entries, dataStart } = await readHeader(path, file);
      return new Map(
        entries.map(({ name, dtype, shape, begin }) => [
          name,
          { path, offset: dataStart + begin, dtype, shape },
        ]),
      );
    } finally {
      await file.close();
    }
  });
}

/** How many numbers the tensors of a safetensors file hold, by its header alone. Throws as `readSafetensors` does. */
export async function countNumbers(path: string): Promise<number> {
  const places = await locateTensors(path);
  return [...places.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Bytes, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

async function readHeader(path: string, file: FileHandle): Promise<{ entries: Entry[]; dataStart: number }> {
  const { size } = await file.stat();
  if (size < 8) throw modelError(path, `has ${size} bytes; expected a safetensors file`);
  const prefix = Buffer.alloc(8);
  await readExactly(path, file, prefix, 0);
  refusePointer(path, prefix.toString("latin1"));
  const length = prefix.readBigUInt64LE();
  const limit = Math.min(maxHeaderBytes, size - 8);
  if (length > limit) throw modelError(path, `header length ${length}; expected at most ${limit} bytes`);
  const header = Buffer.alloc(Number(length));
  await readExactly(path, file, header, 8);
  const dataStart = 8 + header.length;
  return { entries: parseHeader(parseModelJson(path, header.toString("utf8")), size - dataStart), dataStart };
}

/** The entries sorted by their bytes, which they cover without gaps. */
function parseHeader(header: JsonFields, dataBytes: number): Entry[] {
  const names = Object.keys(header.values).filter((name) => name !== "__metadata__");
  const entries = names.map((name) => parseEntry(name, header.section(name)));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const fault = begin < covered ? "overlap" : "leave a gap";
      throw modelError(
        header.file,
        `data_offsets of ${show(name)} ${fault}: begin ${begin}; expected ${covered}`,
      );
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw modelError(
      header.file,
      `data_offsets end at byte ${covered} of the data; the file holds ${dataBytes}`,
    );
  }
  return entries;
}

function parseEntry(name: string, fields: JsonFields): Entry {
  const dtype = fields.oneOf("dtype", dtypes);
  const shape = fields.get("shape");
  if (!isSizes(shape) || !Number.isSafeInteger(sizeOf(shape))) {
    throw fields.error("shape", "a list of whole numbers from 0 on");
  }
  const offsets = fields.get("data_offsets");
  const bytes = sizeOf(shape) * elementBytes[dtype];
  if (!isSizes(offsets) || offsets.length !== 2) throw fields.error("data_offsets", "[begin, end]");
  const [begin, end] = offsets as [number, number];
  if (end - begin !== bytes) {
    throw fields.error("data_offsets", `${bytes} bytes for ${dtype} of shape ${show(shape)}`);
  }
  return { name, dtype, shape, begin, end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Reads one tensor; throws as `readSafetensors` does. */
async function readTensor(place: TensorPlace): Promise<StoredTensor> {
  const { dtype, shape } = place;
  const size = sizeOf(shape);
  switch (dtype) {
    case "I64":
      return { dtype, shape, data: await fill(place, new BigInt64Array(size)) };
    case "I32":
      return { dtype, shape, data: await fill(place, new Int32Array(size)) };
    case "I8":
      return { dtype, shape, data: await fill(place, new Int8Array(size)) };
    case "U8":
    case "BOOL":
      return { dtype, shape, data: await fill(place, new Uint8Array(size)) };
    default:
      return { dtype, shape, data: await readFloats(place, new Float32Array(size)) };
  }
}

/** Reads a tensor of floats into `out`, whatever their size on disk; throws as `readSafetensors` does. */
export async function readFloats<T extends Float32Array>(place: TensorPlace, out: T): Promise<T> {
  const { path, dtype } = place;
  if (dtype === "F32") return fill(place, out);
  if (!isWidened(dtype)) throw modelError(path, `a tensor is ${dtype}; expected floating-point numbers`);
  let done = 0;
  for await (const bytes of tensorBytes(place)) {
    const count = bytes.length / elementBytes[dtype];
    widen[dtype](bytes, out.subarray(done, done + count));
    done += count;
  }
  return out;
}

/** The bytes of a tensor as they are on disk, in parts that the next one overwrites; throws as `readSafetensors` does. */
export async function* tensorBytes({
  path,
  offset,
  dtype,
  shape,
}: TensorPlace): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const total = sizeOf(shape) * elementBytes[dtype];
  const file = await tryRead(path, () => open(path));
  try {
    const chunk = new Uint8Array(Math.min(chunkBytes, total));
    for (let at = 0; at < total; at += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, total - at));
      await tryRead(path, () => readExactly(path, file, part, offset + at));
      yield part;
    }
  } finally {
    await file.close();
  }
}

async function fill<T extends ArrayBufferView>(place: TensorPlace, data: T): Promise<T> {
  const { path, offset } = place;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  await tryRead(path, async () => {
    const file = await open(path);
    try {
      await readExactly(path, file, bytes, offset);
    } finally {
      await file.close();
    }
  });
  return data;
}

function isWidened(dtype: Dtype): dtype is keyof typeof widen {
  return Object.hasOwn(widen, dtype);
}

async function readExactly(
  path: string,
  file: FileHandle,
  target: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const length = Math.min(maxReadBytes, target.length - done);
    const { bytesRead } = await file.read(target, done, length, position + done);
    if (bytesRead === 0) throw modelError(path, `ended early, at byte ${position + done}`);
    done += bytesRead;
  }
}
