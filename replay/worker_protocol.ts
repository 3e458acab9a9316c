import type { CurriculumItem, RunEvent } from "./events.ts";
import type { Pins } from "./pins.ts";
import type { ReplayState } from "./writer.ts";

/** What the thread answers in place of a result where another program has the database; then nothing was done yet. */
export const LOCKED = "locked";

/** Methods that may answer so. */
export type Lockable<T> = {
  readonly [M in keyof T]: T[M] extends (...args: infer A) => infer R
    ? (...args: A) => R | typeof LOCKED
    : never;
};

/** What the thread of a replay can be asked. */
export interface ReplayThread {
  /** Opens the replay in a folder, a new one or the one that is there. */
  open(folder: string, mode: "create" | "open"): ReplayState;
  /** Puts down what the run is made of. */
  pin(pins: Pins): void;
  pinInputs(inputs: Pins["inputs"]): void;
  /** Which of these images are not stored yet. */
  missing(ids: readonly string[]): readonly string[];
  /** Writes an image beside the database; the next `commit` names it. */
  image(id: string, extension: string, content: Uint8Array): void;
  /** Appends the events and names the images that were sent since the last time, in one transaction. */
  commit(): ReplayState;
  curriculum(round: number, places: readonly number[]): readonly CurriculumItem[];
  admittedQuestions(images: readonly string[]): string[][];
  curriculumSize(round: number): number;
  adoptCurricula(folder: string, rounds: number, event: number): number;
  resume(position: number, attempt: number | undefined): ReplayState;
  close(): void;
}

/** To the thread, in order, before a `commit`. `discard` drops what was sent and not committed. */
export type EventMessage =
  | { readonly kind: "event"; readonly event: RunEvent }
  | { readonly kind: "discard" };
