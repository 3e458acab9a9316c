import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { VisplayError } from "../common/errors.ts";
import { widen } from "./float_formats.ts";
import {
  exists,
  type JsonFields,
  modelError,
  parseModelJson,
  reading,
  readModelJson,
  requireFile,
  show,
} from "./model_files.ts";

const elementBytes = { F64: 8, F32: 4, BF16: 2, F16: 2, I64: 8, I32: 4, U8: 1, BOOL: 1 } as const;

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
  | Typed<"U8" | "BOOL", Uint8Array<ArrayBuffer>>;

/** Headers of real models stay below 1 MB (the format itself allows 100 MB). */
const maxHeaderBytes = 16 * 2 ** 20;
const maxReadBytes = 2 ** 30;
const chunkBytes = 2 ** 20;

/**
 * The tensors of a safetensors file by name, in the order of their bytes. 16- and 64-bit floats become 32-bit.
 * Throws a `VisplayError` of code "model" if the file is missing or violates the format in any way.
 */
export function readSafetensors(path: string): Promise<Map<string, StoredTensor>> {
  return reading(path, async () => {
    await requireFile(path, Number.MAX_SAFE_INTEGER);
    const file = await open(path);
    try {
      const { entries, dataStart } = await readHeader(path, file);
      const tensors = new Map<string, StoredTensor>();
      for (const entry of entries) tensors.set(entry.name, await readTensor(path, file, dataStart, entry));
      return tensors;
    } finally {
      await file.close();
    }
  });
}

/** What a header says of a tensor. */
export interface StoredType {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** The types of a safetensors file's tensors by name, by its header alone. Throws as `readSafetensors` does. */
export function readTypes(path: string): Promise<Map<string, StoredType>> {
  return reading(path, async () => {
    await requireFile(path, Number.MAX_SAFE_INTEGER);
    const file = await open(path);
    try {
      const { entries } = await readHeader(path, file);
      return new Map(entries.map(({ name, dtype, shape }) => [name, { dtype, shape }]));
    } finally {
      await file.close();
    }
  });
}

/** How many numbers the tensors of a safetensors file hold, by its header alone. Throws as `readSafetensors` does. */
export async function countNumbers(path: string): Promise<number> {
  const types = await readTypes(path);
  return [...types.values()].reduce((sum, { shape }) => sum + elements(shape), 0);
}

/** Whether tensors of a type are read as 32-bit floats. */
export function isFloat(dtype: Dtype): boolean {
  return dtype.includes("F");
}

/**
 * The weights of a Hugging Face model folder: model.safetensors, or the shards that model.safetensors.index.json
 * lists. Throws a `VisplayError` of code "model" if they are missing, broken or not floating-point.
 */
export async function readModelWeights(folder: string): Promise<Map<string, FloatTensor>> {
  const single = join(folder, "model.safetensors");
  if (await exists(single)) return floats(single, await readSafetensors(single));
  const index = join(folder, "model.safetensors.index.json");
  if (!(await exists(index))) throw modelError(folder, `no weights; expected ${single} or ${index}`);

  const weights = new Map<string, FloatTensor>();
  for (const [shard, names] of shardsOf(await readModelJson(index))) {
    const path = join(folder, shard);
    const tensors = floats(path, await readSafetensors(path));
    for (const name of names) {
      const tensor = tensors.get(name);
      if (!tensor) throw modelError(path, `has no tensor ${show(name)}, which ${index} places there`);
      weights.set(name, tensor);
    }
  }
  return weights;
}

/**
 * Writes 32-bit floats, sorted by name, so that equal tensors give equal bytes. The file appears whole or not at
 * all. Throws a `VisplayError` of code "disk" if it cannot be written.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const header: [string, unknown][] = [["__metadata__", { format: "pt", ...metadata }]];
  let end = 0;
  for (const [name, { shape, data }] of sorted) {
    if (elements(shape) !== data.length)
      throw new RangeError(`${name}: [${shape}] does not hold ${data.length}`);
    const begin = end;
    end += data.byteLength;
    header.push([name, { dtype: "F32", shape, data_offsets: [begin, end] }]);
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const prefix = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  prefix.writeBigUInt64LE(BigInt(prefix.length - 8));
  json.copy(prefix, 8);
  await replaceFile(path, [prefix, ...sorted.map(([, { data }]) => bytesOf(data))]);
}

async function replaceFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w");
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new VisplayError("disk", `${path}: cannot be written: ${(cause as Error).message}`, { cause });
  }
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
  if (!isSizes(shape) || !Number.isSafeInteger(elements(shape))) {
    throw fields.error("shape", "a list of whole numbers from 0 on");
  }
  const offsets = fields.get("data_offsets");
  const bytes = elements(shape) * elementBytes[dtype];
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

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

async function readTensor(
  path: string,
  file: FileHandle,
  dataStart: number,
  { dtype, shape, begin, end }: Entry,
): Promise<StoredTensor> {
  const size = elements(shape);
  async function filled<T extends ArrayBufferView>(data: T): Promise<T> {
    await readExactly(path, file, bytesOf(data), dataStart + begin);
    return data;
  }
  switch (dtype) {
    case "F32":
      return { dtype, shape, data: await filled(new Float32Array(size)) };
    case "I64":
      return { dtype, shape, data: await filled(new BigInt64Array(size)) };
    case "I32":
      return { dtype, shape, data: await filled(new Int32Array(size)) };
    case "U8":
    case "BOOL":
      return { dtype, shape, data: await filled(new Uint8Array(size)) };
    default: {
      const data = new Float32Array(size);
      const chunk = new Uint8Array(Math.min(chunkBytes, end - begin));
      for (let at = begin; at < end; at += chunk.length) {
        const part = chunk.subarray(0, Math.min(chunk.length, end - at));
        await readExactly(path, file, part, dataStart + at);
        const first = (at - begin) / elementBytes[dtype];
        widen[dtype](part, data.subarray(first, first + part.length / elementBytes[dtype]));
      }
      return { dtype, shape, data };
    }
  }
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
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

/** The tensor names of each shard of an index. */
export function shardsOf(index: JsonFields): Map<string, string[]> {
  const map = index.section("weight_map");
  const shards = new Map<string, string[]>();
  for (const [name, shard] of Object.entries(map.values)) {
    if (typeof shard !== "string" || !/^[^/\\]+\.safetensors$/.test(shard)) {
      throw map.error(name, "the name of a .safetensors file in the same folder");
    }
    const names = shards.get(shard) ?? [];
    names.push(name);
    shards.set(shard, names);
  }
  return shards;
}

function floats(path: string, tensors: ReadonlyMap<string, StoredTensor>): Map<string, FloatTensor> {
  const isFloat = (entry: [string, StoredTensor]): entry is [string, FloatTensor] =>
    entry[1].data instanceof Float32Array;
  const entries = [...tensors];
  const other = entries.find((entry) => !isFloat(entry));
  if (other)
    throw modelError(path, `tensor ${show(other[0])} is ${other[1].dtype}; expected floating-point weights`);
  return new Map(entries.filter(isFloat));
}
