/** The thread of Python: answers the calls of the tool `python`. */
import { parentPort } from "node:worker_threads";
import { type CallMessage, replyTo } from "../../../common/thread_calls.ts";
import { Interpreter } from "./interpreter.ts";
import type { PythonThread } from "./python_protocol.ts";

if (parentPort === null)
  throw new Error("environments/tools/python/worker is not a program; the tool starts it");
const port = parentPort;

let interpreter: Interpreter;

const thread: PythonThread = {
  async open() {
    interpreter = await Interpreter.load();
    return interpreter.digest;
  },
  run: (codes, session) => interpreter.run(codes, session),
  close() {},
};

port.on("message", async (request: CallMessage<keyof PythonThread>) => {
  if (request.kind !== "call") return;
  const { id, method, args } = request;
  const perform = thread[method] as (...all: unknown[]) => unknown;
  port.postMessage(await replyTo(id, () => perform(...args)));
});
