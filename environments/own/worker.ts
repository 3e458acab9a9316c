/** The thread of a user's own environment: answers `OwnEnvironment`'s calls. */
import { dirname, resolve } from "node:path";
import { parentPort } from "node:worker_threads";
import { VisplayError } from "../../common/errors.ts";
import { type CallMessage, replyTo } from "../../common/thread_calls.ts";
import { loadFunction } from "../../common/user_module.ts";
import { EnvironmentFault } from "../../training/environment.ts";
import { demonstrationOf, outcomeOf, startOf } from "./given.ts";
import type { EnvironmentThread, Result } from "./worker_protocol.ts";

if (parentPort === null)
  throw new Error("environments/own/worker is not a program; OwnEnvironment starts it");
const port = parentPort;

/** What a user's own module gives. */
interface OwnModule {
  readonly tasks: number;
  reset(task: number, seed: number): unknown;
  step(state: unknown, action: unknown): unknown;
  demonstrate?(state: unknown, turn: number): unknown;
}

let module: OwnModule;
let folder = "";

const thread: EnvironmentThread = {
  async open(path, setting, options) {
    const make = await loadFunction(path, setting);
    folder = dirname(resolve(path));
    let given: unknown;
    try {
      given = await make(options);
    } catch (cause) {
      throw new VisplayError("config", `${setting}: ${path} threw: ${messageOf(cause)}`, { cause });
    }
    const fault = faultOf(given);
    if (fault) throw new VisplayError("config", `${setting}: ${path} gave ${fault}`);
    module = given as OwnModule;
    return { tasks: module.tasks, demonstrates: module.demonstrate !== undefined };
  },
  reset: (task, seed) =>
    resultOf(async () => startOf(await module.reset(task, seed), folder, `task ${task}`)),
  step: (state, action) => resultOf(async () => outcomeOf(await module.step(state, action), folder)),
  demonstrate: (state, turn) =>
    resultOf(async () => demonstrationOf(await module.demonstrate?.(state, turn))),
  close: () => {},
};

port.on("message", async (request: CallMessage<keyof EnvironmentThread>) => {
  if (request.kind !== "call") return;
  const { id, method, args } = request;
  const perform = thread[method] as (...all: unknown[]) => unknown;
  port.postMessage(await replyTo(id, () => perform(...args)));
});

async function resultOf<T>(call: () => Promise<T>): Promise<Result<T>> {
  try {
    return { given: await call() };
  } catch (error) {
    if (error instanceof EnvironmentFault) return { fault: { kind: error.kind, reason: error.reason } };
    return { fault: { kind: "threw", reason: messageOf(error) } };
  }
}

/** What is wrong with what a module's function gave, and what was expected; null where nothing is. */
function faultOf(given: unknown): string | null {
  const form = "expected {tasks, reset(task, seed), step(state, action)}";
  if (typeof given !== "object" || given === null) return `${typeof given}, ${form}`;
  const { tasks, reset, step } = given as Partial<Readonly<Record<keyof OwnModule, unknown>>>;
  if (typeof reset !== "function" || typeof step !== "function") {
    const missing = typeof reset === "function" ? "step" : "reset";
    return `no function ${missing}, ${form}`;
  }
  const isCount = Number.isSafeInteger(tasks) && (tasks as number) > 0;
  return isCount ? null : `tasks: ${String(tasks)}, expected how many tasks there are, from 1`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
