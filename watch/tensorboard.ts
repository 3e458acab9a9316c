import { type FileHandle, mkdir, open } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { diskError } from "../replay/disk.ts";
import type { RunEvent } from "../replay/events.ts";
import { fileHeader, scalarsRecord } from "./event_file.ts";
import { figuresOf } from "./figures.ts";
import type { RunPlan } from "./run_plan.ts";
import { SideWork } from "./side_work.ts";
import type { Watcher } from "./watcher.ts";

/** The folder of event files in the folder of a run. */
export const TENSORBOARD_NAME = "tensorboard";

/** Writes a run's figures for TensorBoard: an event file for each time that the run is started. */
export class TensorBoard implements Watcher {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #plan: RunPlan;
  readonly #work: SideWork;

  /** Begins a file. Throws "disk" where it cannot be made. */
  static async start(folder: string, plan: RunPlan, warn: (line: string) => void): Promise<TensorBoard> {
    const nowMs = Date.now();
    const name = `events.out.tfevents.${Math.floor(nowMs / 1000)}.${hostname()}.${process.pid}`;
    const path = join(folder, TENSORBOARD_NAME, name);
    try {
      await mkdir(join(folder, TENSORBOARD_NAME), { recursive: true });
      const file = await open(path, "a");
      await file.appendFile(fileHeader(nowMs));
      return new TensorBoard(path, file, plan, warn);
    } catch (cause) {
      throw diskError(path, cause);
    }
  }

  private constructor(path: string, file: FileHandle, plan: RunPlan, warn: (line: string) => void) {
    this.#path = path;
    this.#file = file;
    this.#plan = plan;
    this.#work = new SideWork("TensorBoard", warn);
  }

  apply(event: RunEvent): void {
    const figures = figuresOf(event, this.#plan);
    if (!figures) return;
    const bytes = scalarsRecord({ ...figures, atMs: event.atMs });
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
