/** One of the threads that `memoryBandwidth` starts. */
import { parentPort, workerData } from "node:worker_threads";

const rounds = 6;

/** Seconds for one thread's part, every number of which is added up. */
function readPart(): number {
  const { memory, part, threads } = workerData as {
    memory: SharedArrayBuffer;
    part: number;
    threads: number;
  };
  const length = Math.floor(memory.byteLength / 8 / threads);
  const numbers = new Float64Array(memory, part * length * 8, length);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const sums = [0, 0, 0, 0] as [number, number, number, number];
    for (let i = 0; i + 7 < length; i += 8) {
      // One number of each two, since cache lines are what is fetched.
      sums[0] += numbers[i] as number;
      sums[1] += numbers[i + 2] as number;
      sums[2] += numbers[i + 4] as number;
      sums[3] += numbers[i + 6] as number;
    }
    if (Number.isNaN(sums[0] + sums[1] + sums[2] + sums[3]))
      throw new Error("memory holds what nobody wrote");
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  return best;
}

parentPort?.postMessage(readPart());
