import type { Device } from "../autodiff/onnx/device.ts";
import { Session } from "../autodiff/onnx/session.ts";
import type { Tensor } from "../autodiff/tensor.ts";

export interface SessionCacheOptions {
  readonly threads: number;
  /** Sessions that are kept. */
  readonly capacity: number;
  readonly device?: Device | undefined;
  /**
   * Whether the model is large: what a run needs is then given back after it, and decoding, whose few rows make it wait
   * for memory, has its matrices packed (default false).
   */
  readonly large?: boolean;
}

/** Sessions that may have a packed copy of a large model's matrices. */
const packedSessions = 2;

/**
 * Compiled graphs by kind and shape, made at first use. The least recently used is released when there are
 * more than `capacity`.
 */
export class SessionCache implements AsyncDisposable {
  readonly #options: SessionCacheOptions;
  readonly #sessions = new Map<string, Session>();

  constructor(options: SessionCacheOptions) {
    this.#options = options;
  }

  async get(kind: string, shape: object, build: () => Record<string, Tensor>): Promise<Session> {
    const { threads, capacity, device = "cpu", large = false } = this.#options;
    const key = `${kind} ${JSON.stringify(shape)}`;
    const prepacks = large && kind === "decode";
    if (prepacks && !this.#sessions.has(key)) await this.#evict("decode", packedSessions - 1);
    const keepsMemory = !large && kind === "update";
    const options = { device, threads, prepacks, keepsMemory, plansMemory: !large && !keepsMemory };
    const session = this.#sessions.get(key) ?? (await Session.compile(build(), options));
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    await this.#evict("", capacity);
    return session;
  }

  /** Releases the least recently used sessions of a kind ("" is any) until `left` are left. */
  async #evict(kind: string, left: number): Promise<void> {
    const keys = [...this.#sessions.keys()].filter((key) => key.startsWith(kind));
    for (const key of keys.slice(0, Math.max(0, keys.length - left))) {
      const session = this.#sessions.get(key) as Session;
      this.#sessions.delete(key);
      await session[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await session[Symbol.asyncDispose]();
    this.#sessions.clear();
  }
}
