import { setTimeout as sleep } from "node:timers/promises";
import { VisplayError } from "../../common/errors.ts";
import { freeBytes } from "../../common/free_bytes.ts";

/** What is left free beside a checkpoint: the replay and the round's models need room too. */
const reserveBytes = 64 * 2 ** 20;
const lookAgainMs = 2000;

/**
 * Waits until the disk of a folder has room for so many bytes. While it has not, `say` is told once how much is
 * missing. Throws "disk" where `stop` aborts meanwhile.
 */
export async function waitForRoom(
  folder: string,
  bytes: number,
  say: (line: string) => void,
  stop: AbortSignal,
  free: (folder: string) => Promise<number> = freeBytes,
): Promise<void> {
  for (let told = false; ; told = true) {
    const missing = bytes + reserveBytes - (await free(folder));
    if (missing <= 0) return;
    const need = `${folder}: ${megabytes(missing)} MB more are needed to save a checkpoint`;
    if (stop.aborted) throw new VisplayError("disk", `${need}; nothing was saved since the last one`);
    if (!told) say(`${need}; the run waits until there is room`);
    await sleep(lookAgainMs, undefined, { signal: stop }).catch(() => {});
  }
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
