import { Worker } from "node:worker_threads";
import { VisplayError } from "../common/errors.ts";
import { mapInSlices } from "../common/slices.ts";
import { type Arguments, type Result, ThreadCalls } from "../common/thread_calls.ts";
import type { CurriculumItem, RunEvent } from "./events.ts";
import type { EventLog, ReplayImage } from "./log.ts";
import type { Pins } from "./pins.ts";
import { type EventMessage, LOCKED, type Lockable, type ReplayThread } from "./worker_protocol.ts";
import type { ReplayState } from "./writer.ts";

/** Compiled, the thread's program stands beside this file; as TypeScript source it is taken from the build. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "../dist/replay/worker.js" : "./worker.js",
  import.meta.url,
);

/** Who is told that another program has locked a replay, and who may end the waiting for it. */
export interface Waiting {
  readonly say?: (line: string) => void;
  readonly stop?: AbortSignal;
}

/**
 * The replay of a run that is being written: `replay.db`, and its images beside it. All writing happens in a thread
 * of its own. What `append` resolved for survives the end of the process and the loss of power.
 * Where another program has locked it, everything waits for that; but where the run is to stop, it rejects with
 * "cancelled".
 */
export class ReplayStore implements EventLog, AsyncDisposable {
  readonly folder: string;
  readonly #calls: ThreadCalls<Lockable<ReplayThread>, EventMessage>;
  readonly #waiting: Waiting;
  #state: ReplayState = { position: 0, attempt: 1 };
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, worker: Worker, waiting: Waiting) {
    this.folder = folder;
    this.#waiting = waiting;
    this.#calls = new ThreadCalls(worker, { name: `the replay in ${folder}`, advice: "Resume the run" });
  }

  /** Starts the replay of a new run. Rejects with "run" where the folder holds one, "disk" where it cannot write. */
  static create(folder: string, waiting: Waiting = {}): Promise<ReplayStore> {
    return ReplayStore.#start(folder, "create", waiting);
  }

  /** Goes on with a run's replay. Rejects with "notARun" where there is none, "run" for a newer one, "damaged", "disk". */
  static open(folder: string, waiting: Waiting = {}): Promise<ReplayStore> {
    return ReplayStore.#start(folder, "open", waiting);
  }

  static async #start(folder: string, mode: "create" | "open", waiting: Waiting): Promise<ReplayStore> {
    const worker = new Worker(program, { name: "replay" });
    const store = new ReplayStore(folder, worker, waiting);
    try {
      store.#state = await store.#call("open", [folder, mode]);
      return store;
    } catch (error) {
      await worker.terminate();
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
        await mapInSlices(events, (event) => this.#calls.post({ kind: "event", event }));
        this.#state = await this.#call("commit", []);
      } catch (error) {
        this.#calls.post({ kind: "discard" });
        throw error;
      }
    });
  }

  /** Puts down what the run is made of, in the place of what it was made of before. */
  pin(pins: Pins): Promise<void> {
    return this.#inTurn(() => this.#call("pin", [pins]));
  }

  /** The same of all but images. */
  pinInputs(inputs: Pins["inputs"]): Promise<void> {
    return this.#inTurn(() => this.#call("pinInputs", [inputs]));
  }

  /** A round's items at these places. Rejects with "damaged" where one is missing, or is not as it was written. */
  async curriculum(round: number, places: readonly number[]): Promise<CurriculumItem[]> {
    return [...(await this.#call("curriculum", [round, places]))];
  }

  /** The questions about each of these images, by content, that entered a curriculum of the run up to now. */
  admittedQuestions(images: readonly string[]): Promise<string[][]> {
    return this.#call("admittedQuestions", [images]);
  }

  /** How many items a round's curriculum has. */
  curriculumSize(round: number): Promise<number> {
    return this.#call("curriculumSize", [round]);
  }

  /**
   * Takes over what entered the curricula of another run's first rounds, up to one of its events; gives how many items of
   * rounds before the last are damaged there and were left out. Rejects with "damaged" where one of the last is.
   */
  adoptCurricula(folder: string, rounds: number, event: number): Promise<number> {
    return this.#inTurn(() => this.#call("adoptCurricula", [folder, rounds, event]));
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
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    await this.#calls[Symbol.asyncDispose]();
  }

  /** Calls the thread; waits for another program that has the database for long, and says so once. */
  async #call<M extends keyof ReplayThread>(
    method: M,
    args: Arguments<ReplayThread[M]>,
  ): Promise<Result<ReplayThread[M]>> {
    const { say, stop } = this.#waiting;
    for (let told = false; ; told = true) {
      const result = await this.#calls.call(method, args);
      if (result !== LOCKED) return result;
      const found = `another program has locked the replay in ${this.folder}`;
      if (stop?.aborted) {
        say?.(`${found}; what is not recorded yet is done again when the run goes on`);
        throw new VisplayError("cancelled", `stopped while ${found}`);
      }
      if (!told) say?.(`${found}; the run waits for it`);
    }
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
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}
