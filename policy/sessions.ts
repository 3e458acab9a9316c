import type { Device } from "../autodiff/onnx/device.ts";
import { Session } from "../autodiff/onnx/session.ts";
import type { Tensor } from "../autodiff/tensor.ts";

/** Kinds of graphs whose runs are so long and so large that their memory is worth keeping. */
const keepingMemory: ReadonlySet<string> = new Set(["update"]);

/**
 * Compiled graphs by kind and shape, made at first use. The least recently used is released when there are
 * more than `capacity`.
 */
export class SessionCache implements AsyncDisposable {
  readonly #threads: number;
  readonly #capacity: number;
  readonly #device: Device;
  readonly #sessions = new Map<string, Session>();

  constructor(threads: number, capacity: number, device: Device = "cpu") {
    this.#threads = threads;
    this.#capacity = capacity;
    this.#device = device;
  }

  async get(kind: string, shape: object, build: () => Record<string, Tensor>): Promise<Session> {
    const key = `${kind} ${JSON.stringify(shape)}`;
    const known = this.#sessions.get(key);
    const options = {
      device: this.#device,
      threads: this.#threads,
      keepsMemory: keepingMemory.has(kind),
    };
    const session = known ?? (await Session.compile(build(), options));
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size > this.#capacity) await this.#evict();
    return session;
  }

  async #evict(): Promise<void> {
    const [oldest] = this.#sessions;
    if (oldest === undefined) return;
    this.#sessions.delete(oldest[0]);
    await oldest[1][Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) await session[Symbol.asyncDispose]();
    this.#sessions.clear();
  }
}
