import { type FileHandle, mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { RunConfig } from "../arena/config/config.ts";
import { diskError } from "../common/disk.ts";
import type { RunEvent } from "../replay/events.ts";
import { fileHeader, scalarsRecord, startRecord } from "./event_file.ts";
import { figuresOf } from "./figures.ts";
import { SideWork } from "./side_work.ts";
import type { Watcher } from "./watcher.ts";

/** The folder of event files in the folder of a run. */
const TENSORBOARD_NAME = "tensorboard";

/** What every event file's name begins with. */
const PREFIX = "events.out.tfevents.";

/** Steps that an attempt writes again; of a chart with more, TensorBoard shows a thousand. */
const STEPS_AGAIN = 10_000;

/** Records that are written at once. */
const PIECES = 500;

export interface TensorBoardOptions {
  /** The run's folder. */
  readonly folder: string;
  readonly config: RunConfig;
  /** What earlier attempts recorded and a resume has not superseded, with no more than so many steps. */
  readonly history: (steps: number) => Iterable<RunEvent>;
  readonly warn: (line: string) => void;
}

/**
 * Writes a run's figures for TensorBoard. An attempt begins its event file with what still counts of those before it
 * and has readers forget their files, so that every step is seen once. Only the last of these stays, for who is
 * reading it and goes on to the next.
 */
export class TensorBoard implements Watcher {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #config: RunConfig;
  readonly #work: SideWork;

  /** Begins a file. Throws "disk" where it cannot be made. */
  static async start({ folder, config, history, warn }: TensorBoardOptions): Promise<TensorBoard> {
    const charts = join(folder, TENSORBOARD_NAME);
    try {
      await mkdir(charts, { recursive: true });
      const older = (await readdir(charts)).filter((name) => name.startsWith(PREFIX)).sort();
      const path = join(charts, nameAfter(older.at(-1)));
      const file = await open(path, "a");
      await writeFile(file, inBlocks(beginning(history(STEPS_AGAIN), config)));
      for (const name of older.slice(0, -1)) await rm(join(charts, name));
      return new TensorBoard(path, file, config, warn);
    } catch (cause) {
      throw diskError(charts, cause);
    }
  }

  private constructor(path: string, file: FileHandle, config: RunConfig, warn: (line: string) => void) {
    this.#path = path;
    this.#file = file;
    this.#config = config;
    this.#work = new SideWork("TensorBoard", warn);
  }

  apply(event: RunEvent): void {
    const bytes = recordOf(event, this.#config);
    if (!bytes) return;
    void this.#work.add(async () => {
      // Readers stop at a record that was cut off, so nothing is written behind one.
      if (this.#work.failed) return;
      await this.#file.appendFile(bytes).catch((cause) => {
        throw diskError(this.#path, cause);
      });
    });
  }

  fail(): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work.idle();
    await this.#file.close();
  }
}

/** A name that sorts behind another, for readers take files in that order; also where the clock was set back. */
function nameAfter(name: string | undefined): string {
  const before = Number(name?.slice(PREFIX.length).split(".")[0]) || 0;
  const seconds = Math.max(Math.floor(Date.now() / 1000), before + 1);
  return `${PREFIX}${seconds}.${hostname()}.${process.pid}`;
}

function* beginning(history: Iterable<RunEvent>, config: RunConfig): Generator<Uint8Array> {
  const nowMs = Date.now();
  yield fileHeader(nowMs);
  yield startRecord(nowMs);
  for (const event of history) {
    const bytes = recordOf(event, config);
    if (bytes) yield bytes;
  }
}

/** The same bytes in fewer pieces, for each is a write of its own. */
function* inBlocks(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let block: Uint8Array[] = [];
  for (const piece of pieces) {
    block.push(piece);
    if (block.length < PIECES) continue;
    yield Buffer.concat(block);
    block = [];
  }
  yield Buffer.concat(block);
}

/** What is written of an event; null where it has no figures. */
function recordOf(event: RunEvent, config: RunConfig): Uint8Array | null {
  const figures = figuresOf(event, config);
  return figures && scalarsRecord({ ...figures, atMs: event.atMs });
}
