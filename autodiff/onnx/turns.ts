import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import type { Device } from "./device.ts";

/** Threads of one process share WebGPU's context, and it crashes where two of them use it at once. */
const takingTurns: readonly Device[] = ["webgpu"];

const name = "visplay: a device is in use";
/** 1 while some thread uses a device, else 0. */
const used: Int32Array =
  (getEnvironmentData(name) as Int32Array | undefined) ?? new Int32Array(new SharedArrayBuffer(4));
/** The uses of this thread so far. */
let last: Promise<unknown> = Promise.resolve();

/** Makes threads that start from now on take turns with this one. */
export function shareTurns(): void {
  setEnvironmentData(name, used);
}

/** Uses a device, where need be alone: the thread waits, blocked, until no other uses it. */
export function inTurn<T>(device: Device, use: () => Promise<T>): Promise<T> {
  if (!takingTurns.includes(device)) return use();
  const turn = last.then(async () => {
    while (Atomics.compareExchange(used, 0, 0, 1) !== 0) Atomics.wait(used, 0, 1);
    try {
      return await use();
    } finally {
      Atomics.store(used, 0, 0);
      Atomics.notify(used, 0, 1);
    }
  });
  last = turn.catch(() => undefined);
  return turn;
}
