import { VisplayError } from "../../common/errors.ts";
import type { Constraint, Costs } from "../../rewards/constraints.ts";
import {
  type Action,
  type Environment,
  EnvironmentFault,
  type Outcome,
  type ResetOptions,
  type Start,
} from "../../training/environment.ts";
import type { EnvironmentThread, OwnAbilities } from "./environment_protocol.ts";
import { type ModuleOptions, ModulePool } from "./module_pool.ts";

const program = {
  name: "environment_worker",
  advice: "Its trajectory is left out",
  timeSetting: "environment.timeLimit",
};

/**
 * An environment from a module of a user's own, in threads. States are kept here, so that where a thread hangs or dies no
 * trajectory but the one that it worked for notices.
 */
export class OwnEnvironment implements Environment {
  readonly name: string;
  readonly tasks: number;
  /** Only where the module can. */
  readonly demonstrate?: (state: unknown, turn: number, signal?: AbortSignal) => Promise<string>;
  readonly understanding?: (state: unknown, text: string, signal?: AbortSignal) => Promise<number | null>;
  readonly constraints?: readonly Constraint[];
  readonly foresee?: (
    state: unknown,
    action: { readonly text: string },
    signal?: AbortSignal,
  ) => Promise<Costs>;
  readonly fallback?: (state: unknown, signal?: AbortSignal) => Promise<string>;
  readonly #pool: ModulePool<EnvironmentThread>;

  private constructor(
    path: string,
    { tasks, demonstrates, understands, constraints, foresees, fallsBack }: OwnAbilities,
    pool: ModulePool<EnvironmentThread>,
  ) {
    this.name = path;
    this.tasks = tasks;
    if (demonstrates)
      this.demonstrate = (state, turn, signal) => pool.call("demonstrate", [state, turn], signal);
    if (understands)
      this.understanding = (state, text, signal) => pool.call("understanding", [state, text], signal);
    if (constraints) this.constraints = constraints;
    if (foresees) this.foresee = (state, { text }, signal) => pool.call("foresee", [state, text], signal);
    if (fallsBack) this.fallback = (state, signal) => pool.call("fallback", [state], signal);
    this.#pool = pool;
  }

  /**
   * Loads the module, and begins its first task, so that what is wrong with it is known at once. Throws a `VisplayError` of
   * code "config".
   */
  static async open(path: string, options: ModuleOptions): Promise<OwnEnvironment> {
    const { pool, opened } = await ModulePool.open<EnvironmentThread>(path, program, options);
    const environment = new OwnEnvironment(path, opened, pool);
    try {
      await environment.reset(0, { seed: 0, fit: () => null });
    } catch (error) {
      await environment[Symbol.asyncDispose]();
      if (!(error instanceof EnvironmentFault)) throw error;
      throw new VisplayError("config", `${options.setting}: ${path}: ${error.message}`, { cause: error });
    }
    return environment;
  }

  reset(task: number, { seed, signal }: ResetOptions): Promise<Start> {
    return this.#pool.call("reset", [task, seed], signal);
  }

  step(state: unknown, { text, tokens, finishReason }: Action, signal?: AbortSignal): Promise<Outcome> {
    const told = { text, tokens: tokens.length, truncated: finishReason === "length" };
    return this.#pool.call("step", [state, told], signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }
}
