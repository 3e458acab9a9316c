import { parse, relative } from "node:path";
import { ProtobufWriter } from "../../common/protobuf.ts";
import {
  type DType,
  dtypeOf,
  elementBytes,
  type FilePlace,
  sizeOf,
  type TensorData,
  type TensorType,
} from "../tensor_type.ts";
import { type Device, lacking, type OptionalOperator } from "./device.ts";

type Attribute = number | string | readonly number[];

/** Constants of at least this many bytes go beside the model, whose own size protobuf limits to 2 GiB. */
const externalThreshold = 1 << 20;
/** Alignment at which external data can be mapped. */
const pageSize = 4096;
const irVersion = 10;
const opset = 21;
const contribOpset = 1;

const elementTypes: Record<DType, number> = { float32: 1, int8: 3, int64: 7, bool: 9, float16: 10 };
/** Attributes that ONNX types as float although their value may be whole. */
const floatAttributes = new Set(["alpha", "epsilon", "beta"]);

interface Node {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly domain: string;
}

/** A finished ONNX model, and the large constants that it refers to by `externalPath`. */
export interface OnnxModel {
  readonly model: Uint8Array;
  readonly external: Uint8Array | null;
}

export const externalPath = "constants.bin";

/** What the paths of stored tensors are relative to in a model, since onnxruntime refuses absolute ones. */
export const storedRoot: string = parse(process.cwd()).root;

/** Collects nodes, constants, inputs and outputs, and writes them as an ONNX model for a device. */
export class OnnxWriter {
  readonly #device: Device;
  readonly #nodes: Node[] = [];
  /** How each initializer is written once all are known. */
  readonly #initializers: (() => Uint8Array)[] = [];
  readonly #inputs: Uint8Array[] = [];
  readonly #outputs: Uint8Array[] = [];
  readonly #external: { data: Uint8Array; offset: number }[] = [];
  readonly #constants = new Map<string, string>();
  readonly #arrays = new Map<TensorData, number>();
  readonly #made = new Map<string, string>();
  readonly #computed = new Set<string>();
  readonly #fetched = new Map<string, string>();
  #externalLength = 0;
  /** Whether a tensor is mapped from a file. */
  #maps = false;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Whether the device has a kernel for an operator. */
  has(operator: OptionalOperator): boolean {
    return !lacking[this.#device].includes(operator);
  }

  dtype(dtype: DType): number {
    return elementTypes[dtype];
  }

  /** Adds a node of one output and returns the output's name. */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): string {
    const output = `${type}_${this.#nodes.length}`;
    this.#nodes.push({ type, inputs, output, attributes, domain });
    this.#computed.add(output);
    return output;
  }

  /** A stored constant; the same array in the same shape, and equal short arrays, are stored once. */
  constant(data: TensorData, shape: readonly number[]): string {
    const key = `${tensorElementType(data)}[${shape}]${data.length <= 16 ? hex(data) : this.#arrayNumber(data)}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = `constant_${this.#constants.size}`;
    this.#constants.set(key, name);
    this.#initializers.push(() => this.#tensorProto(name, data, shape));
    return name;
  }

  /** A tensor whose elements lie in a file, which is mapped into memory. */
  fileTensor({ path, offset }: FilePlace, { dtype, shape }: TensorType): string {
    return this.once(`${dtype}[${shape}] at ${offset} of ${path}`, () => {
      const name = `stored_${this.#initializers.length}`;
      const tensor = new ProtobufWriter();
      for (const n of shape) tensor.integer(1, n);
      tensor.integer(2, elementTypes[dtype]).text(8, name);
      const bytes = sizeOf(shape) * elementBytes[dtype];
      this.#initializers.push(() =>
        writeExternal(tensor, { path: relative(storedRoot, path), offset }, bytes),
      );
      this.#maps = true;
      return name;
    });
  }

  /** The name that `make` gave when it was first called for `key`: tables that many nodes read. */
  once(key: string, make: () => string): string {
    const name = this.#made.get(key) ?? make();
    this.#made.set(key, name);
    return name;
  }

  /** An int64 constant of rank 1: axes, shapes, bounds. */
  integers(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  input(name: string, type: TensorType): void {
    this.#inputs.push(valueInfo(name, type));
  }

  /**
   * Gives a value the name under which it is fetched. A node's own output is renamed, since onnxruntime runs an
   * Identity (a copy) wherever another node reads it too; inputs, constants and second names need the Identity.
   */
  output(name: string, source: string, type: TensorType): void {
    if (this.#computed.has(source) && !this.#fetched.has(source)) this.#fetched.set(source, name);
    else this.#fetched.set(this.node("Identity", [source]), name);
    this.#outputs.push(valueInfo(name, type));
  }

  finish(): OnnxModel {
    const model = new ProtobufWriter()
      .integer(1, irVersion)
      .text(2, "visplay")
      .message(7, (graph) => {
        for (const node of this.#nodes) graph.message(1, (writer) => this.#writeNode(writer, node));
        graph.text(2, "graph");
        for (const write of this.#initializers) graph.bytes(5, write());
        for (const value of this.#inputs) graph.bytes(11, value);
        for (const value of this.#outputs) graph.bytes(12, value);
      })
      .message(8, (set) => set.text(1, "").integer(2, opset))
      .message(8, (set) => set.text(1, "com.microsoft").integer(2, contribOpset))
      .finish();
    return { model, external: this.#externalData() };
  }

  #writeNode(writer: ProtobufWriter, { type, inputs, output, attributes, domain }: Node): void {
    const final = (name: string): string => this.#fetched.get(name) ?? name;
    for (const name of inputs) writer.text(1, final(name));
    writer.text(2, final(output)).text(3, output).text(4, type);
    for (const [name, value] of Object.entries(attributes))
      writer.message(5, (attribute) => writeAttribute(attribute, name, value));
    writer.text(7, domain);
  }

  /** Tells large arrays apart without comparing their elements. */
  #arrayNumber(data: TensorData): string {
    const number = this.#arrays.get(data) ?? this.#arrays.size;
    this.#arrays.set(data, number);
    return `#${number}`;
  }

  #tensorProto(name: string, data: TensorData, shape: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const tensor = new ProtobufWriter();
    for (const n of shape) tensor.integer(1, n);
    tensor.integer(2, tensorElementType(data)).text(8, name);
    // onnxruntime takes external data from files or from memory, not from both.
    if (bytes.length < externalThreshold || this.#maps) return tensor.bytes(9, bytes).finish();
    const offset = this.#externalLength;
    this.#external.push({ data: bytes, offset });
    this.#externalLength = Math.ceil((offset + bytes.length) / pageSize) * pageSize;
    return writeExternal(tensor, { path: externalPath, offset }, bytes.length);
  }

  #externalData(): Uint8Array | null {
    if (this.#external.length === 0) return null;
    const all = new Uint8Array(this.#externalLength);
    for (const { data, offset } of this.#external) all.set(data, offset);
    return all;
  }
}

function tensorElementType(data: TensorData): number {
  return elementTypes[dtypeOf(data)];
}

/** Makes a tensor's data `bytes` bytes of a file, and finishes it. */
function writeExternal(tensor: ProtobufWriter, { path, offset }: FilePlace, bytes: number): Uint8Array {
  const entries = { location: path, offset: `${offset}`, length: `${bytes}` };
  for (const [key, value] of Object.entries(entries))
    tensor.message(13, (entry) => entry.text(1, key).text(2, value));
  return tensor.integer(14, 1).finish();
}

function hex({ buffer, byteOffset, byteLength }: TensorData): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("hex");
}

function writeAttribute(attribute: ProtobufWriter, name: string, value: Attribute): void {
  attribute.text(1, name);
  if (typeof value === "string") attribute.text(4, value).integer(20, 3);
  else if (typeof value !== "number") {
    for (const n of value) attribute.integer(8, n);
    attribute.integer(20, 7);
  } else if (floatAttributes.has(name)) attribute.float(2, value).integer(20, 1);
  else attribute.integer(3, value).integer(20, 2);
}

function valueInfo(name: string, { dtype, shape }: TensorType): Uint8Array {
  return new ProtobufWriter()
    .text(1, name)
    .message(2, (type) =>
      type.message(1, (tensor) =>
        tensor.integer(1, elementTypes[dtype]).message(2, (dims) => {
          for (const n of shape) dims.message(1, (dim) => dim.integer(1, n));
        }),
      ),
    )
    .finish();
}
