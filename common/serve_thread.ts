import { parentPort } from "node:worker_threads";
import { type Call, replyTo, type ThreadMethods } from "./thread_calls.ts";

/** Answers the calls to this thread, until it is ended. */
export function serveThread<T extends ThreadMethods>(methods: T): void {
  if (parentPort === null) throw new Error("this is no program; it is started as a thread");
  const port = parentPort;
  port.on("message", async (request: Call<keyof T & string> | { readonly kind: "abort" }) => {
    if (request.kind !== "call") return;
    const { id, method, args } = request;
    const perform = methods[method] as (...all: readonly unknown[]) => unknown;
    port.postMessage(await replyTo(id, () => perform(...args)));
  });
}
