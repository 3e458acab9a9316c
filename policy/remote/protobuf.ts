/**
 * The messages of the Tinker API that are written in protobuf. The numbers of their fields are those of the descriptor in the
 * Python package `tinker` (0.38); numbers are little-endian, as this machine has them.
 */

import { ProtobufWriter } from "../../common/protobuf.ts";
import { readFields } from "../../common/protobuf_reader.ts";
import {
  type Chunk,
  type Datum,
  type ForwardBackward,
  type ForwardBackwardResult,
  lossInputs,
  type SampledSequence,
  type SampleResult,
} from "./messages.ts";

/** How this program's requests and results are marked. */
export const protobufType = "application/x-protobuf";

const dtypes = { float32: 1, int64: 2, int32: 3, bfloat16: 4 } as const;

/** A ForwardBackwardRequest; maps are written in the order of their keys. */
export function encodeForwardBackward(request: ForwardBackward): Uint8Array {
  const message = new ProtobufWriter().text(1, request.modelId).integer(2, request.sequence);
  for (const datum of request.data) message.bytes(3, encodeDatum(datum));
  message.text(4, request.loss);
  if (request.forwardOnly) message.integer(6, 1);
  return message.finish();
}

/** A Datum, for its size as well. */
export function encodeDatum({ input, loss }: Datum): Uint8Array {
  const message = new ProtobufWriter();
  for (const chunk of input) message.bytes(1, encodeChunk(chunk));
  for (const name of lossInputs) {
    const values = loss[name];
    if (values === undefined) continue;
    message.message(2, (entry) => entry.text(1, name).bytes(2, encodeTensor(values)));
  }
  return message.finish();
}

function encodeChunk(chunk: Chunk): Uint8Array {
  const message = new ProtobufWriter();
  if (chunk.kind === "text") message.message(1, (text) => text.bytes(1, bytesOf(chunk.tokens)));
  else
    message.message(2, (image) => image.bytes(1, chunk.data).text(2, "png").integer(3, chunk.expectedTokens));
  return message.finish();
}

/** A Tensor of one axis; tokens are int64 there. */
function encodeTensor(values: Float32Array | Int32Array): Uint8Array {
  const isReal = values instanceof Float32Array;
  const data = isReal ? values : BigInt64Array.from(values, BigInt);
  const shape = new ProtobufWriter().packed([values.length]);
  const dtype = isReal ? dtypes.float32 : dtypes.int64;
  return new ProtobufWriter().bytes(1, bytesOf(data)).integer(3, dtype).bytes(4, shape).finish();
}

/** Throws a `RangeError` where the bytes are no SampleResponse. */
export function decodeSampleResult(bytes: Uint8Array): SampleResult {
  const sequences: SampledSequence[] = [];
  let promptLogProbs: Float32Array | null = null;
  for (const { field, value } of readFields(bytes)) {
    if (field === 1) sequences.push(decodeSequence(asBytes(value)));
    if (field === 2 && asBytes(value).length > 0) promptLogProbs = floatsOf(asBytes(value));
  }
  return { sequences, promptLogProbs };
}

function decodeSequence(bytes: Uint8Array): SampledSequence {
  let stopReason: SampledSequence["stopReason"] = "stop";
  let tokens: Int32Array = new Int32Array();
  let logProbs: Float32Array = new Float32Array();
  for (const { field, value } of readFields(bytes)) {
    if (field === 1) stopReason = value === 1n ? "length" : "stop";
    if (field === 2) tokens = new Int32Array(aligned(asBytes(value)));
    if (field === 3) logProbs = floatsOf(asBytes(value));
  }
  return { stopReason, tokens, logProbs };
}

/** Throws a `RangeError` where the bytes are no ForwardBackwardOutput. */
export function decodeForwardBackwardResult(bytes: Uint8Array): ForwardBackwardResult {
  const logProbs: Float32Array[] = [];
  const metrics: Record<string, number> = {};
  for (const { field, value } of readFields(bytes)) {
    if (field === 2) logProbs.push(...decodeRecord(asBytes(value)));
    if (field === 3) {
      const [key, number] = decodeEntry(asBytes(value));
      metrics[key] = new DataView(aligned(number)).getFloat64(0, true);
    }
  }
  return { logProbs, metrics };
}

/** The log-probabilities in an ArrayRecord, datum by datum. */
function decodeRecord(bytes: Uint8Array): Float32Array[] {
  for (const { field, value } of readFields(bytes)) {
    if (field !== 2) continue;
    const [key, tensor] = decodeEntry(asBytes(value));
    if (key === "logprobs") return decodeBatchedTensor(tensor);
  }
  return [];
}

/** A key of a map and the bytes of its value. */
function decodeEntry(bytes: Uint8Array): [key: string, value: Uint8Array] {
  let key = "";
  let content: Uint8Array = new Uint8Array();
  for (const { field, value } of readFields(bytes)) {
    if (field === 1) key = new TextDecoder().decode(asBytes(value));
    if (field === 2) content = asBytes(value);
  }
  return [key, content];
}

/** The numbers of a BatchedTensor, whose offsets are bytes: those of each datum. */
function decodeBatchedTensor(bytes: Uint8Array): Float32Array[] {
  let data: Uint8Array = new Uint8Array();
  let offsets: readonly number[] = [];
  let dtype = 0;
  for (const { field, value } of readFields(bytes)) {
    if (field === 1) data = asBytes(value);
    if (field === 2) offsets = [...new BigInt64Array(aligned(asBytes(value)))].map(Number);
    if (field === 3) dtype = Number(value);
  }
  return offsets.slice(1).map((end, i) => {
    const own = data.subarray(offsets[i], end);
    if (dtype === dtypes.float32) return floatsOf(own);
    if (dtype === dtypes.bfloat16) return widen(own);
    throw new RangeError(`log-probabilities of type ${dtype}; expected float32 or bfloat16`);
  });
}

/** A bfloat16 is the upper half of a float32. */
function widen(bytes: Uint8Array): Float32Array {
  const halves = new Uint16Array(aligned(bytes));
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

function asBytes(value: bigint | Uint8Array): Uint8Array {
  if (typeof value === "bigint") throw new RangeError("found a number in place of a message");
  return value;
}

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(aligned(bytes));
}

/** A copy in a buffer of its own. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
