import { once } from "node:events";
import { Worker } from "node:worker_threads";

const bytes = 512 * 2 ** 20;

/** Bytes per second that threads read together from memory that no cache holds: the best of some rounds. */
export async function memoryBandwidth(threads: number): Promise<number> {
  const memory = new SharedArrayBuffer(bytes);
  new Float64Array(memory).fill(1);
  const workers = Array.from({ length: threads }, (_, part) => {
    return new Worker(new URL("./bandwidth_thread.js", import.meta.url), {
      workerData: { memory, part, threads },
    });
  });
  const seconds = await Promise.all(
    workers.map(async (worker) => (await once(worker, "message"))[0] as number),
  );
  return bytes / Math.max(...seconds);
}
