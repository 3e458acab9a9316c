import type { Constraint, Costs } from "../../rewards/constraints.ts";
import type { Outcome, Start } from "../../training/environment.ts";
import type { ModuleThread, Result } from "./module_pool.ts";

/** An action as a user's own module is told of it. */
export interface ToldAction {
  readonly text: string;
  /** Its length in tokens, and whether it was cut off. */
  readonly tokens: number;
  readonly truncated: boolean;
}

/** What a module offers. */
export interface OwnAbilities {
  readonly tasks: number;
  /** Whether it can say what a policy that knows better would say. */
  readonly demonstrates: boolean;
  /** Whether it can judge what is said of the picture. */
  readonly understands: boolean;
  /** What must not happen in it; null where nothing is. */
  readonly constraints: readonly Constraint[] | null;
  /** Whether it can say what an action would cost, and what to do instead. */
  readonly foresees: boolean;
  readonly fallsBack: boolean;
}

/** What the thread of a user's own environment does. */
export interface EnvironmentThread extends ModuleThread {
  open(path: string, setting: string, options: Readonly<Record<string, unknown>>): Promise<OwnAbilities>;
  reset(task: number, seed: number): Promise<Result<Start>>;
  step(state: unknown, action: ToldAction): Promise<Result<Outcome>>;
  demonstrate(state: unknown, turn: number): Promise<Result<string>>;
  understanding(state: unknown, text: string): Promise<Result<number | null>>;
  foresee(state: unknown, text: string): Promise<Result<Costs>>;
  fallback(state: unknown): Promise<Result<string>>;
}
