import { Worker } from "node:worker_threads";
import { VisplayError } from "../common/errors.ts";
import { decodeError } from "../common/sent_error.ts";
import { mapInSlices } from "../common/slices.ts";
import type { EventLog, ReplayImage, RunEvent } from "./events.ts";
import type { Method, ReplayThread, Reply, Request } from "./worker_protocol.ts";
import type { ReplayState } from "./writer.ts";

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Compiled, the thread's program stands beside this file; as TypeScript source it is taken from the build. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "../dist/replay/worker.js" : "./worker.js",
  import.meta.url,
);

/**
 * The replay of a run that is being written: `replay.db`, and its images beside it. All writing happens in a thread
 * of its own. What `append` resolved for survives the end of the process and the loss of power.
 */
export class ReplayStore implements EventLog, AsyncDisposable {
  readonly folder: string;
  readonly #worker: Worker;
  readonly #pending = new Map<number, PendingCall>();
  readonly #exited: Promise<void>;
  #state: ReplayState = { position: 0, attempt: 1 };
  #turn: Promise<unknown> = Promise.resolve();
  #calls = 0;
  /** Why there can be no more calls. */
  #end: Error | undefined;
  #closed: Promise<void> | undefined;

  private constructor(folder: string, worker: Worker) {
    this.folder = folder;
    this.#worker = worker;
    worker.on("message", (reply: Reply) => this.#settle(reply));
    worker.on("error", (error) => this.#die(error.message, error));
    this.#exited = new Promise((resolve) => {
      worker.on("exit", (code) => {
        this.#die(`exit code ${code}`);
        resolve();
      });
    });
  }

  /** Starts the replay of a new run. Rejects with "run" where the folder holds one, "disk" where it cannot write. */
  static create(folder: string): Promise<ReplayStore> {
    return ReplayStore.#start(folder, "create");
  }

  /** Goes on with a run's replay. Rejects with "run" where there is none or a newer one, "damaged", or "disk". */
  static open(folder: string): Promise<ReplayStore> {
    return ReplayStore.#start(folder, "open");
  }

  static async #start(folder: string, mode: "create" | "open"): Promise<ReplayStore> {
    const store = new ReplayStore(folder, new Worker(program, { name: "replay" }));
    try {
      store.#state = await store.#call("open", [folder, mode]);
      return store;
    } catch (error) {
      await store.#worker.terminate();
      throw error;
    }
  }

  /** The number of the last event that was appended, superseded ones included; 0 where there is none. */
  get position(): number {
    return this.#state.position;
  }

  /** Which start of the run is writing, counted from 1. */
  get attempt(): number {
    return this.#state.attempt;
  }

  /**
   * Appends all of the events, or none of them, with the images that they name; images that are stored already
   * are left as they are. Rejects with "disk", or with what an image's `bytes` rejected with.
   */
  append(events: readonly RunEvent[], images: readonly ReplayImage[] = []): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#sendImages(images);
        await mapInSlices(events, (event) => this.#post({ kind: "event", event }));
      } catch (error) {
        this.#post({ kind: "discard" });
        throw error;
      }
      this.#state = await this.#call("commit", []);
    });
  }

  /**
   * Goes back to a position: what was appended after it is kept but marked as superseded, and what is appended
   * from now on belongs to `attempt`, by default one more than the last. Rejects with "run" where the replay ends
   * before `position`, or knows the attempt already.
   */
  resume(position: number, attempt?: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#state = await this.#call("resume", [position, attempt]);
    });
  }

  /** Waits for what was appended, and ends the thread. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#turn;
    if (this.#end === undefined) {
      const released = this.#call("close", []);
      this.#end = new Error(`the replay in ${this.folder} is closed`);
      await released.finally(() => this.#worker.terminate());
    }
    await this.#exited;
  }

  async #sendImages(images: readonly ReplayImage[]): Promise<void> {
    if (images.length === 0) return;
    const byId = new Map(images.map((image) => [image.id, image]));
    for (const id of await this.#call("missing", [[...byId.keys()]])) {
      const { extension, bytes } = byId.get(id) as ReplayImage;
      await this.#call("image", [id, extension, await bytes()]);
    }
  }

  /** One after the other, so that what is sent for one transaction is not mixed with another's. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #call<M extends Method>(
    method: M,
    args: Parameters<ReplayThread[M]>,
  ): Promise<ReturnType<ReplayThread[M]>> {
    if (this.#end) throw this.#end;
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#post({ kind: "call", id, method, args });
    });
  }

  #post(request: Request): void {
    this.#worker.postMessage(request);
  }

  #settle({ id, result, error }: Reply): void {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    if (error) call?.reject(decodeError(error));
    else call?.resolve(result);
  }

  #die(reason: string, cause?: Error): void {
    const message = `the thread of the replay in ${this.folder} ended: ${reason}; resume the run`;
    const error = new VisplayError("run", message, { cause });
    this.#end ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
