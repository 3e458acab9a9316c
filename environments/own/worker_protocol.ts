import type { Fault, Outcome, Start } from "../../training/environment.ts";

/** An action as a user's own module is told of it. */
export interface ToldAction {
  readonly text: string;
  /** Its length in tokens, and whether it was cut off. */
  readonly tokens: number;
  readonly truncated: boolean;
}

/** What came of a call, or what spoiled it. */
export type Result<T> = { readonly given: T } | { readonly fault: Fault };

/** What a module offers. */
export interface OwnAbilities {
  readonly tasks: number;
  /** Whether it can say what a policy that knows better would say. */
  readonly demonstrates: boolean;
}

/** What the thread of a user's own module does. */
export interface EnvironmentThread {
  /** Loads it. */
  open(path: string, setting: string, options: Readonly<Record<string, unknown>>): Promise<OwnAbilities>;
  reset(task: number, seed: number): Promise<Result<Start>>;
  step(state: unknown, action: ToldAction): Promise<Result<Outcome>>;
  demonstrate(state: unknown, turn: number): Promise<Result<string>>;
  close(): void;
}
