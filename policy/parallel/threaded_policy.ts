import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { shareTurns } from "../../autodiff/onnx/turns.ts";
import { type Call, ThreadCalls } from "../../common/thread_calls.ts";
import type { RgbImage } from "../../images/image.ts";
import type { LocalPolicyOptions } from "../embedded/local_policy.ts";
import type { Replica } from "../embedded/replica.ts";
import type {
  Completion,
  Example,
  ImageFeatures,
  Policy,
  PolicyInfo,
  TrainingGroup,
  UpdateOptions,
  UpdateReport,
} from "../port.ts";
import { SentImages } from "./sent_images.ts";
import { type ImageMessage, isImage, type Method, type PolicyThread, pack } from "./worker_protocol.ts";

export interface ThreadedPolicyOptions extends LocalPolicyOptions {
  /** Names the thread, and the policy in error messages. */
  readonly name: string;
}

/** Pixels that the thread keeps for later calls. */
const imageBytes = 16 * 2 ** 20;
/** Pixels that are copied into messages before other work gets its turn. */
const bytesPerTurn = 4 * 2 ** 20;

/** Compiled, the thread's program stands beside this file; as TypeScript source it is taken from the build. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/policy/parallel/worker.js" : "./worker.js",
  import.meta.url,
);

/**
 * Every graph run makes array buffers, which V8 counts as heap: from its small initial size it would mark the heap again
 * after every few runs, on the cores that compute. Only policies' threads have this size: others would gather garbage.
 */
const heapSize = { ofPolicies: "--initial-old-space-size=256", usual: "--initial-old-space-size=0" };

/**
 * A `LocalPolicy` in a thread of its own, which leaves the calling thread free. Calls run in the order in which
 * they were made. A call whose signal aborts ends between two graph runs; one that was already past its last
 * ends as if nothing had happened. Where the thread dies, all calls reject with code "run".
 */
export class ThreadedPolicy implements Replica {
  readonly #calls: ThreadCalls<PolicyThread, ImageMessage>;
  readonly #images: SentImages;
  #bytesThisTurn = 0;

  /** Speaks with a thread that runs worker.ts; `open` is the usual way. The thread keeps `heldBytes` of pixels. */
  constructor(worker: Worker, name: string, heldBytes: number = imageBytes) {
    this.#images = new SentImages(heldBytes);
    this.#calls = new ThreadCalls(worker, {
      name: `policy "${name}"`,
      advice: "What it learned since it was last saved is lost; resume the run",
      send: (call, signal) => this.#send(call, signal),
    });
  }

  /** Opens a Hugging Face model folder in a new thread; rejects as `LocalPolicy.open` does. */
  static async open(folder: string, { name, ...options }: ThreadedPolicyOptions): Promise<ThreadedPolicy> {
    shareTurns();
    setFlagsFromString(heapSize.ofPolicies);
    try {
      const policy = new ThreadedPolicy(new Worker(program, { name }), name);
      await policy.#calls.open(folder, options);
      return policy;
    } finally {
      setFlagsFromString(heapSize.usual);
    }
  }

  info(): Promise<PolicyInfo> {
    return this.#calls.call("info", []);
  }

  sample(...[prompts, options, signal]: Parameters<Replica["sample"]>): Promise<Completion[][]> {
    return this.#calls.call("sample", [prompts, options], signal);
  }

  score(...[groups, options, signal]: Parameters<Policy["score"]>): Promise<Float32Array[][]> {
    return this.#calls.call("score", [groups, options], signal);
  }

  prepare(images: readonly RgbImage[], signal?: AbortSignal): Promise<void> {
    return this.#calls.call("prepare", [images], signal);
  }

  features(...[images, options, signal]: Parameters<Policy["features"]>): Promise<ImageFeatures[]> {
    return this.#calls.call("features", [images, options], signal);
  }

  update(
    groups: readonly TrainingGroup[],
    options: UpdateOptions,
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    return this.#calls.call("update", [groups, options], signal);
  }

  supervise(
    examples: readonly Example[],
    options: { readonly learningRate: number },
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    return this.#calls.call("supervise", [examples, options], signal);
  }

  differentiate(
    ...[task, gradient, signal]: Parameters<Replica["differentiate"]>
  ): ReturnType<Replica["differentiate"]> {
    return this.#calls.call("differentiate", [task, gradient], signal);
  }

  step(...args: Parameters<Replica["step"]>): ReturnType<Replica["step"]> {
    return this.#calls.call("step", args);
  }

  save(folder: string): Promise<void> {
    return this.#calls.call("save", [folder]);
  }

  saveState(folder: string): Promise<void> {
    return this.#calls.call("saveState", [folder]);
  }

  loadState(folder: string): Promise<void> {
    return this.#calls.call("loadState", [folder]);
  }

  /** Cancels the calls that have not ended, releases the policy and ends the thread. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#calls[Symbol.asyncDispose]();
  }

  /** Posts a call behind the images that the thread lacks; other work gets its turn in between. */
  async #send(call: Call<Method>, signal: AbortSignal): Promise<void> {
    const missing: RgbImage[] = [];
    const args = pack(call.args, (value) => {
      if (!isImage(value)) return undefined;
      if (this.#images.use(value)) missing.push(value);
      return { heldImage: value.id };
    });
    for (const image of missing) await this.#sendPixels(image);
    signal.throwIfAborted();
    this.#calls.post({ ...call, args: args as unknown[] });
    const gone = this.#images.giveUp();
    if (gone.length > 0) this.#calls.post({ kind: "forget", images: gone });
  }

  async #sendPixels({ id, width, height, data }: RgbImage): Promise<void> {
    const bytes = data.length;
    for (let start = 0; start < bytes; start += bytesPerTurn) {
      const part = new Uint8Array(data.subarray(start, start + bytesPerTurn));
      this.#calls.post({ kind: "pixels", id, width, height, start, bytes, part }, [part.buffer]);
      this.#bytesThisTurn += part.length;
      if (this.#bytesThisTurn < bytesPerTurn) continue;
      await setImmediate();
      this.#bytesThisTurn = 0;
    }
  }
}
