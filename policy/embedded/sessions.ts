import type { Device } from "../../autodiff/onnx/device.ts";
import { heldBytes, Session } from "../../autodiff/onnx/session.ts";
import type { Tensor } from "../../autodiff/tensor.ts";
import { ByteCache } from "../../common/byte_cache.ts";
import type { Weights } from "../models/layers.ts";
import type { VisionLanguageModel } from "../models/vision_language_model.ts";

/** What it takes to run a policy's graphs. */
export interface GraphTools {
  readonly model: VisionLanguageModel;
  /** The model's parameters as graph tensors. */
  readonly tensors: Weights;
  readonly sessions: SessionCache;
}

export interface SessionCacheOptions {
  readonly threads: number;
  readonly device?: Device | undefined;
  /**
   * Whether the model is large: what a run needs is then given back after it, and decoding, whose few rows make it wait
   * for memory, has its matrices packed (default false).
   */
  readonly large?: boolean;
  /** Bytes that sessions may hold between runs, about (default 512 MiB). */
  readonly budgetBytes?: number;
}

const megabyte = 2 ** 20;
/** Sessions that are kept at most; each maps a large model's file once more, which tools count as memory of its own. */
const capacity = { small: 64, large: 16 };
/** What packed copies of a large model's matrices may take: two of some 250 million parameters. */
const packedBytes = 1280 * megabyte;

/**
 * Compiled graphs by kind and shape, made at first use. The least recently used are released where all together hold
 * more than a budget: a run that goes on and on meets ever more shapes.
 */
export class SessionCache implements AsyncDisposable {
  readonly #options: SessionCacheOptions;
  readonly #sessions: ByteCache<Session>;
  /** Those with a packed copy of the matrices, which is as large as the model. */
  readonly #packed: ByteCache<Session>;

  constructor(options: SessionCacheOptions) {
    const { large = false, budgetBytes = 512 * megabyte } = options;
    this.#options = options;
    this.#sessions = new ByteCache(budgetBytes, bytesOf, capacity[large ? "large" : "small"]);
    this.#packed = new ByteCache(packedBytes, bytesOf);
  }

  async get(kind: string, shape: object, build: () => Record<string, Tensor>): Promise<Session> {
    const { threads, device = "cpu", large = false } = this.#options;
    const key = `${kind} ${JSON.stringify(shape)}`;
    const prepacks = large && kind === "decode";
    const cache = prepacks ? this.#packed : this.#sessions;
    const known = cache.get(key);
    if (known) return known;
    const keepsMemory = !large && kind === "update";
    const options = { device, threads, prepacks, keepsMemory, plansMemory: !large && !keepsMemory };
    const outputs = build();
    await release(cache.makeRoom(heldBytes(outputs, options)));
    const session = await Session.compile(outputs, options);
    cache.set(key, session);
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await release([...this.#sessions.clear(), ...this.#packed.clear()]);
  }
}

function bytesOf(session: Session): number {
  return session.heldBytes;
}

async function release(sessions: readonly Session[]): Promise<void> {
  for (const session of sessions) await session[Symbol.asyncDispose]();
}
