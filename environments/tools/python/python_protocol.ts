import type { ToolFaultKind } from "../tool.ts";
import type { Pages } from "./memory_image.ts";
import type { ScratchState } from "./scratch_files.ts";

/** Where the Python of a trajectory stands after a call. */
export interface Session {
  /** Of its memory. */
  readonly pages: Pages;
  readonly files: ScratchState;
  /** What its clock shows (ms). */
  readonly now: number;
}

/** Code to run, and the seed of what it draws. */
export interface SeededCode {
  readonly code: string;
  readonly seed: number;
}

/** What came of the last code; a session that is too large to be kept is null. */
export type CallResult =
  | { readonly text: string; readonly session: Session | null }
  | { readonly fault: ToolFaultKind; readonly message: string };

/** What a thread with Python does. */
export interface PythonThread {
  /** Loads Python; gives the SHA-256 of its memory: sessions fit every thread that has the same. */
  open(): Promise<string>;
  /** Runs codes, one after the other, from where a session stands, or from the beginning. */
  run(codes: readonly SeededCode[], session: Session | null): CallResult;
  close(): void;
}
