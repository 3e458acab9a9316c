import type { Problem } from "../answers.ts";

/** Where the page has its answers from: the server that it came from, or the file that it stands in. */
export interface Source {
  /** Rejects with a `Failure`. */
  json<T>(path: string, signal?: AbortSignal): Promise<T>;
  /** Numbers of episodes. */
  ids(path: string, signal?: AbortSignal): Promise<Uint32Array>;
  /** The address of an image; no wider and no higher than `size`, where that is given. */
  image(run: string, id: string, size?: number): string;
  /** Calls back when a run has gone on; gives the end of that. Null where nothing ever does. */
  readonly live: ((run: string, onChange: (state: LiveState) => void) => () => void) | null;
}

export interface LiveState {
  readonly position: number;
  readonly condition: string | null;
}

export class Failure extends Error {
  readonly code: string;
  constructor({ code, message }: Problem) {
    super(message);
    this.code = code;
  }
}
