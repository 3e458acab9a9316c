/** The thread of a user's own environment: answers `OwnEnvironment`'s calls. */
import { dirname, resolve } from "node:path";
import { serveThread } from "../../common/serve_thread.ts";
import type { EnvironmentThread } from "./environment_protocol.ts";
import {
  costsOf,
  demonstrationOf,
  outcomeOf,
  requireConstraints,
  startOf,
  understandingOf,
} from "./given.ts";
import { loadMade, resultOf } from "./module_thread.ts";

/** What a user's own module gives. */
interface OwnModule {
  readonly tasks: number;
  reset(task: number, seed: number): unknown;
  step(state: unknown, action: unknown): unknown;
  demonstrate?(state: unknown, turn: number): unknown;
  understanding?(state: unknown, text: string): unknown;
  readonly constraints?: unknown;
  foresee?(state: unknown, action: unknown): unknown;
  fallback?(state: unknown): unknown;
}

let module: OwnModule;
let folder = "";

serveThread<EnvironmentThread>({
  async open(path, setting, options) {
    module = (await loadMade(path, setting, options, faultOf)) as OwnModule;
    folder = dirname(resolve(path));
    const { tasks, demonstrate, understanding, constraints, foresee, fallback } = module;
    return {
      ...{ tasks, demonstrates: demonstrate !== undefined, understands: understanding !== undefined },
      constraints: constraints === undefined ? null : requireConstraints(constraints, `${setting}: ${path}`),
      ...{ foresees: foresee !== undefined, fallsBack: fallback !== undefined },
    };
  },
  reset: (task, seed) =>
    resultOf(async () => startOf(await module.reset(task, seed), folder, `task ${task}`)),
  step: (state, action) => resultOf(async () => outcomeOf(await module.step(state, action), folder)),
  demonstrate: (state, turn) =>
    resultOf(async () => demonstrationOf(await module.demonstrate?.(state, turn))),
  understanding: (state, text) =>
    resultOf(async () => understandingOf(await module.understanding?.(state, text))),
  foresee: (state, text) => resultOf(async () => costsOf(await module.foresee?.(state, { text }), "foresee")),
  fallback: (state) => resultOf(async () => demonstrationOf(await module.fallback?.(state), "fallback")),
  close: () => {},
});

/** What is wrong with what a module's function gave, and what was expected; null where nothing is. */
function faultOf(made: unknown): string | null {
  const form = "expected {tasks, reset(task, seed), step(state, action)}";
  if (typeof made !== "object" || made === null) return `${typeof made}, ${form}`;
  const { tasks, reset, step } = made as Partial<Readonly<Record<keyof OwnModule, unknown>>>;
  if (typeof reset !== "function" || typeof step !== "function") {
    const missing = typeof reset === "function" ? "step" : "reset";
    return `no function ${missing}, ${form}`;
  }
  const isCount = Number.isSafeInteger(tasks) && (tasks as number) > 0;
  return isCount ? null : `tasks: ${String(tasks)}, expected how many tasks there are, from 1`;
}
