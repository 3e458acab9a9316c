import { setTimeout as sleep } from "node:timers/promises";
import { freeBytes } from "../../common/free_bytes.ts";

/** What is left free beside a checkpoint: the replay and the round's models need room too. */
const reserveBytes = 64 * 2 ** 20;
const lookAgainMs = 2000;

/** Who is told of a disk without room, and who may end the waiting for it. */
export interface Waiting {
  readonly say: (line: string) => void;
  /** Learns for what the run waits, and, by null, that it goes on. */
  readonly waits: (reason: string | null) => void;
  readonly stop: AbortSignal;
  readonly free?: (folder: string) => Promise<number>;
}

/**
 * Waits until the disk of a folder has room for so many bytes; how much is missing is said once. Throws the reason of
 * `stop` where that aborts first.
 */
export async function waitForRoom(
  folder: string,
  bytes: number,
  { say, waits, stop, free = freeBytes }: Waiting,
): Promise<void> {
  for (let told = false; ; told = true) {
    const missing = bytes + reserveBytes - (await free(folder));
    if (missing <= 0) {
      if (told) waits(null);
      return;
    }
    const need = `${folder}: ${megabytes(missing)} MB more are needed to save a checkpoint`;
    if (stop.aborted) {
      if (!told) say(`${need}; what was done since the last one is not saved`);
      throw stop.reason;
    }
    if (!told) say(`${need}; the run waits until there is room`);
    waits(`waiting for ${megabytes(missing)} MB of room on the disk`);
    await sleep(lookAgainMs, undefined, { signal: stop }).catch(() => {});
  }
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
