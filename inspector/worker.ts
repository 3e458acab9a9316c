/** A thread that looks things up in replays: answers `Lookups`' calls one after the other. */
import { parentPort } from "node:worker_threads";
import { type CallMessage, replyTo } from "../common/thread_calls.ts";
import type { QueryThread } from "./lookups.ts";
import { Queries } from "./queries.ts";

if (parentPort === null) throw new Error("inspector/worker is not a program; Lookups starts it");
const port = parentPort;
const queries = new Queries();

port.on("message", async (message: CallMessage<keyof QueryThread>) => {
  if (message.kind !== "call" || message.method === "open") return;
  const { id, method, args } = message;
  const perform = queries[method] as (...args: unknown[]) => unknown;
  port.postMessage(await replyTo(id, () => perform.apply(queries, [...args])));
});
