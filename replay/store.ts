import { Worker } from "node:worker_threads";
import { mapInSlices } from "../common/slices.ts";
import { ThreadCalls } from "../common/thread_calls.ts";
import type { CurriculumItem, EventLog, ReplayImage, RunEvent } from "./events.ts";
import type { Pins } from "./pins.ts";
import type { EventMessage, ReplayThread } from "./worker_protocol.ts";
import type { ReplayState } from "./writer.ts";

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
  readonly #calls: ThreadCalls<ReplayThread, EventMessage>;
  readonly #say: (line: string) => void;
  #state: ReplayState = { position: 0, attempt: 1 };
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, worker: Worker, say: (line: string) => void) {
    this.folder = folder;
    this.#say = say;
    this.#calls = new ThreadCalls(worker, { name: `the replay in ${folder}`, advice: "Resume the run" });
  }

  /** Starts the replay of a new run. Rejects with "run" where the folder holds one, "disk" where it cannot write. */
  static create(folder: string, say: (line: string) => void = () => {}): Promise<ReplayStore> {
    return ReplayStore.#start(folder, "create", say);
  }

  /** Goes on with a run's replay. Rejects with "notARun" where there is none, "run" for a newer one, "damaged", "disk". */
  static open(folder: string, say: (line: string) => void = () => {}): Promise<ReplayStore> {
    return ReplayStore.#start(folder, "open", say);
  }

  static async #start(
    folder: string,
    mode: "create" | "open",
    say: (line: string) => void,
  ): Promise<ReplayStore> {
    const store = new ReplayStore(folder, new Worker(program, { name: "replay" }), say);
    store.#state = await store.#calls.open(folder, mode);
    return store;
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
      } catch (error) {
        this.#calls.post({ kind: "discard" });
        throw error;
      }
      this.#state = await this.#commit();
    });
  }

  /** Puts down what the run is made of, in the place of what it was made of before. */
  pin(pins: Pins): Promise<void> {
    return this.#inTurn(() => this.#calls.call("pin", [pins]));
  }

  /** A round's items at these places. Rejects with "damaged" where one is missing, or is not as it was written. */
  async curriculum(round: number, places: readonly number[]): Promise<CurriculumItem[]> {
    return [...(await this.#calls.call("curriculum", [round, places]))];
  }

  /** The questions about each of these images, by content, that entered a curriculum of the run up to now. */
  admittedQuestions(images: readonly string[]): Promise<string[][]> {
    return this.#calls.call("admittedQuestions", [images]);
  }

  /** How many items a round's curriculum has. */
  curriculumSize(round: number): Promise<number> {
    return this.#calls.call("curriculumSize", [round]);
  }

  /** Takes over what entered the curriculum of another run's round, up to one of its events. */
  adoptCurriculum(folder: string, round: number, event: number): Promise<void> {
    return this.#inTurn(() => this.#calls.call("adoptCurriculum", [folder, round, event]));
  }

  /**
   * Goes back to a position: what was appended after it is kept but marked as superseded, and what is appended
   * from now on belongs to `attempt`, by default one more than the last. Rejects with "run" where the replay ends
   * before `position`, or knows the attempt already.
   */
  resume(position: number, attempt?: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#state = await this.#calls.call("resume", [position, attempt]);
    });
  }

  /** Waits for what was appended, and ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    await this.#calls[Symbol.asyncDispose]();
  }

  /** Commits what was sent; waits for another process that has the database for long, and says so once. */
  async #commit(): Promise<ReplayState> {
    for (let told = false; ; told = true) {
      const state = await this.#calls.call("commit", []);
      if (state !== null) return state;
      if (!told) this.#say(`another program has locked the replay in ${this.folder}; the run waits for it`);
    }
  }

  async #sendImages(images: readonly ReplayImage[]): Promise<void> {
    if (images.length === 0) return;
    const byId = new Map(images.map((image) => [image.id, image]));
    for (const id of await this.#calls.call("missing", [[...byId.keys()]])) {
      const { extension, bytes } = byId.get(id) as ReplayImage;
      await this.#calls.call("image", [id, extension, await bytes()]);
    }
  }

  /** One after the other, so that what is sent for one transaction is not mixed with another's. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}
