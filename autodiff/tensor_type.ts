export type DType = "float32" | "float16" | "int64" | "int8" | "bool";

/** Bytes of one element. */
export const elementBytes: Readonly<Record<DType, number>> = {
  float32: 4,
  float16: 2,
  int64: 8,
  int8: 1,
  bool: 1,
};

/** What is known of a tensor before anything runs: every dimension is a number. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export type TensorData = Float32Array | Uint16Array | BigInt64Array | Int8Array | Uint8Array;

/** Where the elements of a tensor begin in a file. */
export interface FilePlace {
  readonly path: string;
  /** Bytes. */
  readonly offset: number;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** The element type that an array holds. */
export function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Uint16Array) return "float16";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Int8Array) return "int8";
  return "bool";
}
