import type { OnnxWriter } from "./onnx/writer.ts";
import {
  type DType,
  dtypeOf,
  type FilePlace,
  sizeOf,
  type TensorData,
  type TensorType,
} from "./tensor_type.ts";

/** A symbolic value: the result of one operator, a graph input, a constant, or a tensor in a file. Immutable. */
export interface Tensor extends TensorType {
  readonly source: Source;
}

type Source =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "constant"; readonly data: TensorData }
  | { readonly kind: "stored"; readonly place: FilePlace }
  | Application;

export interface Application {
  readonly kind: "apply";
  readonly operator: Operator;
  readonly inputs: readonly Tensor[];
  readonly attributes: unknown;
}

/** A tuple of N elements, or any number of them. */
export type Tuple<T, N extends number> = number extends N ? readonly T[] : Sized<T, N>;
type Sized<T, N extends number, R extends readonly T[] = []> = R["length"] extends N
  ? R
  : Sized<T, N, readonly [...R, T]>;

/** Everything the compiler knows about one operator. */
export interface Rules<N extends number, A> {
  /** The type of the result; throws `ShapeError` through `fail` where the inputs do not fit. */
  infer(inputs: Tuple<TensorType, N>, attributes: A): TensorType;
  /** Adds nodes that compute the result from named inputs; returns the output's name. */
  emit(onnx: OnnxWriter, names: Tuple<string, N>, attributes: A, inputs: Tuple<TensorType, N>): string;
  /** Cotangents of the inputs, in their shapes before or after broadcasting; null where none flows. */
  vjp: ((ct: Tensor, y: Tensor, inputs: Tuple<Tensor, N>, attributes: A) => Tuple<Tensor | null, N>) | null;
  /**
   * "view" where the result is the memory of its input, "elementwise" where its elements depend on no more than the same
   * elements of inputs of the same shape.
   */
  readonly memory?: "view" | "elementwise";
}

interface Operator extends Rules<number, unknown> {
  readonly name: string;
}

/** Applies an operator to tensors. Attributes come last, where the operator has any. */
export type Op<N extends number, A = undefined> = (
  ...args: A extends undefined ? [...Tuple<Tensor, N>] : [...Tuple<Tensor, N>, A]
) => Tensor;

/** A graph that cannot be: names the operator, all shapes, and where the inputs come from. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** Defines an operator by its rules. `arity` null takes any number of inputs, given one by one. */
export function primitive<N extends number, A = undefined>(
  arity: N,
  name: string,
  rules: Rules<N, A>,
): Op<N, A> {
  const operator = { name, ...rules } as unknown as Operator;
  return ((...args: unknown[]) => {
    const inputs = args.slice(0, arity) as Tensor[];
    return apply(operator, inputs, args[arity]);
  }) as Op<N, A>;
}

/** Like `primitive`, for operators that take a list of inputs. */
export function variadic<A>(
  name: string,
  rules: Rules<number, A>,
): (inputs: readonly Tensor[], attributes: A) => Tensor {
  const operator = { name, ...rules } as unknown as Operator;
  return (inputs, attributes) => apply(operator, inputs, attributes);
}

function apply(operator: Operator, inputs: readonly Tensor[], attributes: unknown): Tensor {
  const source: Application = { kind: "apply", operator, inputs, attributes };
  return { ...inferType(source), source };
}

/** The same operator on other inputs. */
export function reapply({ operator, attributes }: Application, inputs: readonly Tensor[]): Tensor {
  return apply(operator, inputs, attributes);
}

/** The type an application has by its operator's rule, with errors that say where it stands. */
export function inferType({ operator, inputs, attributes }: Application): TensorType {
  try {
    const { dtype, shape } = operator.infer(inputs, attributes);
    return { dtype, shape };
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    const list = inputs.map((x) => `${describe(x)} ${formatType(x)}`).join(", ");
    const settings = attributes === undefined ? "" : ` with ${JSON.stringify(attributes)}`;
    throw new ShapeError(`${operator.name}(${list})${settings}: ${error.message}`);
  }
}

class Mismatch extends Error {}

/** Refuses the inputs of an `infer` rule; the operator, its inputs and their shapes are added by the caller. */
export function fail(reason: string): never {
  throw new Mismatch(reason);
}

export function formatType({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape.join(", ")}]`;
}

/** Where a tensor comes from: its name, or the operator and the nearest named input behind it. */
export function describe(x: Tensor): string {
  if (x.source.kind === "input") return `"${x.source.name}"`;
  if (x.source.kind === "constant" || x.source.kind === "stored") return x.source.kind;
  const name = nearestInput(x);
  return name === null ? x.source.operator.name : `${x.source.operator.name} after "${name}"`;
}

function nearestInput(x: Tensor): string | null {
  let level: readonly Tensor[] = [x];
  for (let depth = 0; depth < 6; depth++) {
    const next: Tensor[] = [];
    for (const { source } of level) {
      if (source.kind === "input") return source.name;
      if (source.kind === "apply") next.push(...source.inputs);
    }
    level = next;
  }
  return null;
}

/** A value that is fed when the graph runs. */
export function input(name: string, shape: readonly number[], dtype: DType = "float32"): Tensor {
  return { dtype, shape: [...shape], source: { kind: "input", name } };
}

/** A value stored in the graph. */
export function constant(data: TensorData, shape: readonly number[]): Tensor {
  if (data.length !== sizeOf(shape))
    throw new ShapeError(`constant of ${data.length} elements cannot have shape [${shape.join(", ")}]`);
  return { dtype: dtypeOf(data), shape: [...shape], source: { kind: "constant", data } };
}

/** A value that lies in a file, row-major and little-endian; graphs that run share one mapping of its pages. */
export function fileTensor(place: FilePlace, shape: readonly number[], dtype: DType = "float32"): Tensor {
  return { dtype, shape: [...shape], source: { kind: "stored", place } };
}

export function scalar(value: number): Tensor {
  return constant(Float32Array.of(value), []);
}

/** Int64 constant of one dimension. */
export function integers(values: readonly number[]): Tensor {
  return constant(BigInt64Array.from(values, BigInt), [values.length]);
}

/** All tensors behind `outputs`, inputs before what uses them, each once. Iterative: graphs are deep. */
export function topological(outputs: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  const stack: { tensor: Tensor; expanded: boolean }[] = [];
  for (let i = outputs.length - 1; i >= 0; i--) stack.push({ tensor: outputs[i] as Tensor, expanded: false });
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { tensor, expanded } = top;
    if (expanded) {
      order.push(tensor);
      continue;
    }
    if (seen.has(tensor)) continue;
    seen.add(tensor);
    stack.push({ tensor, expanded: true });
    if (tensor.source.kind !== "apply") continue;
    const { inputs } = tensor.source;
    for (let i = inputs.length - 1; i >= 0; i--) {
      const next = inputs[i] as Tensor;
      if (!seen.has(next)) stack.push({ tensor: next, expanded: false });
    }
  }
  return order;
}
