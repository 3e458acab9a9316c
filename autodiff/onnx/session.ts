import * as ort from "onnxruntime-node";
import { formatType, inferType, ShapeError, type Tensor, topological } from "../tensor.ts";
import { dtypeOf, sameShape, sizeOf, type TensorData, type TensorType } from "../tensor_type.ts";
import type { Device } from "./device.ts";
import { footprint } from "./footprint.ts";
import { InPlaceCheck } from "./in_place.ts";
import { inTurn } from "./turns.ts";
import { externalPath, type OnnxModel, OnnxWriter, storedRoot } from "./writer.ts";

export interface SessionOptions {
  /** Where the graph runs (default "cpu"). */
  readonly device?: Device;
  /** Threads inside one operator. */
  readonly threads: number;
  /**
   * Whether the memory of a run is kept for the next (default true). Allocating it anew costs a long run of large
   * tensors a third of its time, and a short one nothing.
   */
  readonly keepsMemory?: boolean;
  /**
   * Whether a run takes memory for all of its tensors as one block, as the first run showed it to be needed (default
   * true): a tenth less time where operators are short. Beside kept memory, which holds what the first run took, it
   * saves nothing and takes as much again.
   */
  readonly plansMemory?: boolean;
  /**
   * Whether matrices that lie in files are copied into the order in which products read them (default false). A
   * product of few rows takes a quarter less time then, and the session as much memory as its matrices.
   */
  readonly prepacks?: boolean;
}

/** Values by name. Arrays are read in place: the caller must not change them while a run is under way. */
export type Feeds = Readonly<Record<string, TensorData>>;

/**
 * Checks a graph and writes it as ONNX, in operators that the device has.
 * Throws `ShapeError` where two inputs share a name but not a type, an output has an input's name, or a node's
 * type is not what its rule gives.
 */
export function emit(outputs: Readonly<Record<string, Tensor>>, device: Device = "cpu"): OnnxModel {
  const onnx = new OnnxWriter(device);
  const names = new Map<Tensor, string>();
  for (const x of checkTypes(Object.values(outputs))) {
    const { source } = x;
    if (source.kind === "input") names.set(x, source.name);
    else if (source.kind === "constant") names.set(x, onnx.constant(source.data, x.shape));
    else if (source.kind === "stored") names.set(x, onnx.fileTensor(source.place, x));
    else {
      const inputs = source.inputs.map((i) => names.get(i) as string);
      names.set(x, source.operator.emit(onnx, inputs, source.attributes, source.inputs));
    }
  }
  const inputs = graphInputs(outputs);
  for (const [name, x] of inputs) onnx.input(name, x);
  for (const [name, x] of Object.entries(outputs)) {
    if (inputs.has(name)) throw new ShapeError(`output "${name}" has the name of an input`);
    onnx.output(name, names.get(x) as string, x);
  }
  return onnx.finish();
}

function checkTypes(outputs: readonly Tensor[]): Tensor[] {
  const order = topological(outputs);
  for (const x of order) {
    if (x.source.kind !== "apply") continue;
    const type = inferType(x.source);
    if (!sameShape(type.shape, x.shape) || type.dtype !== x.dtype)
      throw new ShapeError(
        `${x.source.operator.name} claims ${formatType(x)}, its rule gives ${formatType(type)}`,
      );
  }
  return order;
}

/** The inputs that `outputs` depend on, by name. */
function graphInputs(outputs: Readonly<Record<string, Tensor>>): Map<string, Tensor> {
  const inputs = new Map<string, Tensor>();
  for (const x of topological(Object.values(outputs))) {
    if (x.source.kind !== "input") continue;
    const { name } = x.source;
    const other = inputs.get(name);
    if (other && (!sameShape(other.shape, x.shape) || other.dtype !== x.dtype))
      throw new ShapeError(`input "${name}" is declared as ${formatType(other)} and as ${formatType(x)}`);
    inputs.set(name, x);
  }
  return inputs;
}

/** A compiled graph: feeds in, named outputs out. */
export class Session implements AsyncDisposable {
  readonly #session: ort.InferenceSession;
  readonly #device: Device;
  readonly #inputs: Map<string, Tensor>;
  readonly #outputs: Readonly<Record<string, Tensor>>;
  readonly #inPlace: InPlaceCheck;
  /** Bytes that it holds between runs, about. */
  readonly heldBytes: number;
  /** Of arrays that were fed before: parameters come again with every run. */
  readonly #wrapped = new WeakMap<TensorData, ort.Tensor>();

  private constructor(
    session: ort.InferenceSession,
    device: Device,
    outputs: Readonly<Record<string, Tensor>>,
    heldBytes: number,
  ) {
    this.#session = session;
    this.#device = device;
    this.heldBytes = heldBytes;
    this.#inputs = graphInputs(outputs);
    this.#outputs = outputs;
    this.#inPlace = new InPlaceCheck(outputs);
  }

  static async compile(outputs: Readonly<Record<string, Tensor>>, options: SessionOptions): Promise<Session> {
    const { device = "cpu" } = options;
    const { model, external } = emit(outputs, device);
    const settings: ort.InferenceSession.SessionOptions = {
      ...(device === "cpu" ? {} : { executionProviders: [device] }),
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      enableCpuMemArena: options.keepsMemory ?? true,
      enableMemPattern: options.plansMemory ?? true,
      logSeverityLevel: 4, // errors are thrown; they need not be printed too
      extra: {
        session: {
          // Idle threads sleep, for two policies share the cores.
          intra_op: { allow_spinning: "0" },
          disable_prepacking: (options.prepacks ?? false) ? "0" : "1",
          model_external_initializers_file_folder_path: storedRoot,
        },
        // The fused kernels of x σ(x) and of aᵀ b are slower than their parts.
        optimization: { disable_specified_optimizers: "QuickGeluFusion;MatmulTransposeFusion" },
      },
      ...(external ? { externalData: [{ path: externalPath, data: external }] } : {}),
    };
    const session = await inTurn(device, () => ort.InferenceSession.create(model, settings));
    return new Session(session, device, outputs, heldBytes(outputs, options));
  }

  /**
   * Runs the graph. Outputs named in `into` are written there, which may be the array of an input that nothing reads
   * later; the others come in new arrays.
   * Throws `ShapeError` where a feed is missing, is of the wrong type or has the wrong number of elements, where arrays
   * overlap otherwise, and where onnxruntime computes another shape than the graph declares (it would only warn).
   */
  async run(
    feeds: Feeds,
    into: Readonly<Record<string, Float32Array>> = {},
  ): Promise<Record<string, Float32Array>> {
    const inputs: Record<string, ort.Tensor> = {};
    for (const [name, type] of this.#inputs) inputs[name] = this.#wrap(name, feeds[name], type);
    for (const name of Object.keys(into))
      if (!this.#outputs[name]) throw new ShapeError(`"${name}" is to be written in place but is no output`);
    this.#inPlace.check(feeds, into);
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const [name, type] of Object.entries(this.#outputs))
      fetches[name] = into[name] ? this.#wrap(name, into[name], type) : null;
    const results = await inTurn(this.#device, () => this.#session.run(inputs, fetches));
    return Object.fromEntries(
      Object.entries(results).map(([name, x]) => {
        const type = this.#outputs[name] as Tensor;
        if (!sameShape(x.dims, type.shape))
          throw new ShapeError(`output "${name}" is [${x.dims.join(", ")}], declared as ${formatType(type)}`);
        return [name, into[name] ?? (x.data as Float32Array)];
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await inTurn(this.#device, () => this.#session.release());
  }

  #wrap(name: string, data: TensorData | undefined, type: TensorType): ort.Tensor {
    const known = data && this.#wrapped.get(data);
    if (known && known.type === type.dtype && sameShape(known.dims, type.shape)) return known;
    const wrapped = wrap(name, data, type);
    this.#wrapped.set(wrapped.data as TensorData, wrapped);
    return wrapped;
  }
}

/** What a compiled operator takes, here and in onnxruntime. */
const bytesPerNode = 4096;
/** Kept memory beside what is alive at once: it grows in blocks, of which not all is used. */
const slack = 1.25;

/** What a graph holds between runs once it is compiled, about. */
export function heldBytes(
  outputs: Readonly<Record<string, Tensor>>,
  { keepsMemory = true, prepacks = false }: SessionOptions,
): number {
  const { nodes, constants, activations, stored } = footprint(outputs);
  const kept = keepsMemory ? slack * activations : 0;
  return bytesPerNode * nodes + 2 * constants + kept + (prepacks ? stored : 0);
}

function wrap(name: string, data: TensorData | undefined, type: TensorType): ort.Tensor {
  const { dtype, shape } = type;
  if (data === undefined) throw new ShapeError(`input "${name}" ${formatType(type)} was not fed`);
  if (dtypeOf(data) !== dtype)
    throw new ShapeError(`"${name}" ${formatType(type)} was given a ${data.constructor.name}`);
  const size = sizeOf(shape);
  if (data.length !== size)
    throw new ShapeError(`"${name}" ${formatType(type)} needs ${size} elements, got ${data.length}`);
  return new ort.Tensor(dtype as "float32", data as Float32Array, shape as number[]);
}
