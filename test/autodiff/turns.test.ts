import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";

/** The built module, which threads can load; all of them share its turns. */
const built = new URL("../../dist/autodiff/onnx/turns.js", import.meta.url).href;
const { inTurn, shareTurns } = (await import(built)) as typeof import("../../autodiff/onnx/turns.ts");

test("a thread uses WebGPU once at a time, also after a failure", async () => {
  const seen: string[] = [];
  const use = (name: string) => async () => {
    seen.push(`${name} begins`);
    await sleep(5);
    seen.push(`${name} ends`);
    if (name === "a") throw new Error("lost");
  };
  const results = await Promise.allSettled(["a", "b"].map((name) => inTurn("webgpu", use(name))));
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends"]);
});

test("nobody waits for the CPU", async () => {
  let others = 0;
  const both = async (): Promise<number> => {
    others++;
    await sleep(5);
    return others;
  };
  expect(await Promise.all([inTurn("cpu", both), inTurn("cpu", both)])).toEqual([2, 2]);
});

test("threads take turns", async () => {
  shareTurns();
  const state = new Int32Array(new SharedArrayBuffer(8));
  const program = `
    const { parentPort, workerData: state } = require("node:worker_threads");
    import(${JSON.stringify(built)}).then(async ({ inTurn }) => {
      for (let i = 0; i < 200; i++)
        await inTurn("webgpu", async () => {
          if (Atomics.add(state, 0, 1) > 0) Atomics.add(state, 1, 1);
          await new Promise(setImmediate);
          Atomics.sub(state, 0, 1);
        });
    });`;
  const threads = [1, 2, 3].map(() => new Worker(program, { eval: true, workerData: state }));
  const codes = threads.map((thread) => new Promise((resolve) => thread.on("exit", resolve)));
  expect(await Promise.all(codes)).toEqual([0, 0, 0]);
  expect(state[1]).toBe(0);
});
