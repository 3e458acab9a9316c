import type { Device } from "../../autodiff/onnx/device.ts";
import { emit } from "../../autodiff/onnx/session.ts";
import type { Tensor } from "../../autodiff/tensor.ts";

/** What an emitted model holds. */
export interface Decoded {
  /** Operator types in order. */
  readonly nodes: readonly string[];
  readonly constants: readonly DecodedConstant[];
  /** Bytes beside the model. */
  readonly external: number;
}

interface DecodedConstant {
  readonly shape: readonly number[];
  readonly external: boolean;
}

/** Emits a graph and reads it back. */
export function decode(outputs: Readonly<Record<string, Tensor>>, device: Device = "cpu"): Decoded {
  const { model, external } = emit(outputs, device);
  const graph = parts(parts(model).get(7)?.[0] as Uint8Array);
  return {
    nodes: (graph.get(1) ?? []).map((node) => text(parts(node as Uint8Array).get(4)?.[0] as Uint8Array)),
    constants: (graph.get(5) ?? []).map((tensor) => {
      const fields = parts(tensor as Uint8Array);
      return { shape: (fields.get(1) ?? []).map(Number), external: fields.has(13) };
    }),
    external: external?.length ?? 0,
  };
}

/** The values of a protobuf message by field: bytes or integers. */
function parts(bytes: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const fields = new Map<number, (Uint8Array | number)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Uint8Array => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key & 7;
    const value = kind === 0 ? varint() : take(kind === 2 ? varint() : kind === 5 ? 4 : 8);
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
  }
  return fields;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
