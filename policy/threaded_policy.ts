import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { shareTurns } from "../autodiff/onnx/turns.ts";
import { VisplayError } from "../common/errors.ts";
import { decodeError } from "../common/sent_error.ts";
import type { RgbImage } from "../images/image.ts";
import type { LocalPolicyOptions } from "./local_policy.ts";
import type {
  Completion,
  Example,
  GrpoOptions,
  Policy,
  PolicyInfo,
  RolloutGroup,
  UpdateReport,
} from "./policy.ts";
import type { Replica } from "./replica.ts";
import { SentImages } from "./sent_images.ts";
import {
  type Arguments,
  isImage,
  type Method,
  packed,
  type Reply,
  type Request,
  type Result,
} from "./worker_protocol.ts";

export interface ThreadedPolicyOptions extends LocalPolicyOptions {
  /** Names the thread, and the policy in error messages. */
  readonly name: string;
}

/** Pixels that the thread keeps for later calls. */
const imageBytes = 128 * 2 ** 20;
/** Pixels that are copied into messages before other work gets its turn. */
const bytesPerTurn = 4 * 2 ** 20;

/** Compiled, the thread's program stands beside this file; as TypeScript source it is taken from the build. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "../dist/policy/worker.js" : "./worker.js",
  import.meta.url,
);

// Every graph run makes array buffers, which V8 counts as heap: from its small initial size it would mark the heap
// again after every few runs, on the cores that compute. Holds for threads that start from now on.
setFlagsFromString("--initial-old-space-size=256");

/** A call that has not ended. */
interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  aborted: boolean;
}

/**
 * A `LocalPolicy` in a thread of its own, which leaves the calling thread free. Calls run in the order in which
 * they were made. A call whose signal aborts ends between two graph runs; one that was already past its last
 * ends as if nothing had happened. Where the thread dies, all calls reject with code "run".
 */
export class ThreadedPolicy implements Replica {
  readonly #worker: Worker;
  readonly #name: string;
  readonly #images: SentImages;
  readonly #pending = new Map<number, PendingCall>();
  readonly #exited: Promise<void>;
  /** The sending of all calls so far. */
  #sent: Promise<void> = Promise.resolve();
  #bytesThisTurn = 0;
  #calls = 0;
  /** Why there can be no more calls. */
  #end: Error | undefined;
  #closed: Promise<void> | undefined;

  /** Speaks with a thread that runs worker.ts; `open` is the usual way. The thread keeps `heldBytes` of pixels. */
  constructor(worker: Worker, name: string, heldBytes: number = imageBytes) {
    this.#worker = worker;
    this.#name = name;
    this.#images = new SentImages(heldBytes);
    worker.on("message", (reply: Reply) => this.#settle(reply));
    worker.on("error", (error) => this.#die(error.message, error));
    worker.on("messageerror", (error) => this.#die(`a message was unreadable: ${error.message}`, error));
    this.#exited = new Promise((resolve) => {
      worker.on("exit", (code) => {
        this.#die(`exit code ${code}`);
        resolve();
      });
    });
  }

  /** Opens a Hugging Face model folder in a new thread; rejects as `LocalPolicy.open` does. */
  static async open(folder: string, { name, ...options }: ThreadedPolicyOptions): Promise<ThreadedPolicy> {
    shareTurns();
    const policy = new ThreadedPolicy(new Worker(program, { name }), name);
    try {
      await policy.#call("open", [folder, options]);
      return policy;
    } catch (error) {
      await policy.#worker.terminate();
      throw error;
    }
  }

  info(): Promise<PolicyInfo> {
    return this.#call("info", []);
  }

  sample(...[prompts, options, signal]: Parameters<Replica["sample"]>): Promise<Completion[][]> {
    return this.#call("sample", [prompts, options], signal);
  }

  score(...[groups, options, signal]: Parameters<Policy["score"]>): Promise<Float32Array[][]> {
    return this.#call("score", [groups, options], signal);
  }

  prepare(images: readonly RgbImage[], signal?: AbortSignal): Promise<void> {
    return this.#call("prepare", [images], signal);
  }

  update(groups: readonly RolloutGroup[], options: GrpoOptions, signal?: AbortSignal): Promise<UpdateReport> {
    return this.#call("update", [groups, options], signal);
  }

  supervise(
    examples: readonly Example[],
    options: { readonly learningRate: number },
    signal?: AbortSignal,
  ): Promise<UpdateReport> {
    return this.#call("supervise", [examples, options], signal);
  }

  differentiate(
    ...[task, gradient, signal]: Parameters<Replica["differentiate"]>
  ): ReturnType<Replica["differentiate"]> {
    return this.#call("differentiate", [task, gradient], signal);
  }

  step(...args: Parameters<Replica["step"]>): ReturnType<Replica["step"]> {
    return this.#call("step", args);
  }

  save(folder: string): Promise<void> {
    return this.#call("save", [folder]);
  }

  saveState(folder: string): Promise<void> {
    return this.#call("saveState", [folder]);
  }

  loadState(folder: string): Promise<void> {
    return this.#call("loadState", [folder]);
  }

  /** Cancels the calls that have not ended, releases the policy and ends the thread. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#end === undefined) {
      for (const id of this.#pending.keys()) this.#abort(id);
      const released = this.#call("close", []);
      this.#end = new Error(`policy "${this.#name}" is closed`);
      await released.finally(() => this.#worker.terminate());
    }
    await this.#exited;
  }

  async #call<M extends Method>(method: M, args: Arguments<M>, signal?: AbortSignal): Promise<Result<M>> {
    if (this.#end) throw this.#end;
    const id = ++this.#calls;
    const abort = (): void => this.#abort(id);
    try {
      return await new Promise<Result<M>>((resolve, reject) => {
        const settle = resolve as (result: unknown) => void;
        this.#pending.set(id, { resolve: settle, reject, aborted: signal?.aborted ?? false });
        signal?.addEventListener("abort", abort);
        this.#sent = this.#sent.then(() => this.#send(id, method, args)).catch(reject);
      });
    } finally {
      this.#pending.delete(id);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Posts a call behind the images that the thread lacks; other work gets its turn in between. */
  async #send(id: number, method: Method, args: unknown): Promise<void> {
    this.#refuseIfAborted(id);
    const missing: RgbImage[] = [];
    const message = packed(args, (value) => {
      if (!isImage(value)) return undefined;
      if (this.#images.use(value)) missing.push(value);
      return { heldImage: value.id };
    });
    for (const image of missing) await this.#sendPixels(image);
    this.#refuseIfAborted(id);
    this.#post({ kind: "call", id, method, args: message });
    const gone = this.#images.giveUp();
    if (gone.length > 0) this.#post({ kind: "forget", images: gone });
  }

  async #sendPixels({ id, width, height, data }: RgbImage): Promise<void> {
    const bytes = data.length;
    for (let start = 0; start < bytes; start += bytesPerTurn) {
      const part = new Uint8Array(data.subarray(start, start + bytesPerTurn));
      this.#post({ kind: "pixels", id, width, height, start, bytes, part }, [part.buffer]);
      this.#bytesThisTurn += part.length;
      if (this.#bytesThisTurn < bytesPerTurn) continue;
      await setImmediate();
      this.#bytesThisTurn = 0;
    }
  }

  #abort(id: number): void {
    const call = this.#pending.get(id);
    if (call) call.aborted = true;
    this.#post({ kind: "abort", id });
  }

  #refuseIfAborted(id: number): void {
    if (this.#pending.get(id)?.aborted)
      throw new VisplayError("cancelled", "the call was cancelled before it began");
  }

  #post(request: Request, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #settle({ id, result, error }: Reply): void {
    const call = this.#pending.get(id);
    if (error) call?.reject(decodeError(error));
    else call?.resolve(result);
  }

  #die(reason: string, cause?: Error): void {
    const message = `the thread of policy "${this.#name}" ended: ${reason}. What it learned since it was last saved is lost; resume the run`;
    const error = new VisplayError("run", message, { cause });
    this.#end ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
  }
}
