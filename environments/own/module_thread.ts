/** What the threads of a user's own modules have in common. */
import { VisplayError } from "../../common/errors.ts";
import { loadFunction } from "../../common/user_module.ts";
import { EnvironmentFault } from "../../training/environment.ts";
import type { Result } from "./module_pool.ts";

/**
 * What a module's function makes of its options. `faultOf` says what is wrong with that, null where nothing is. Throws a
 * `VisplayError` of code "config".
 */
export async function loadMade(
  path: string,
  setting: string,
  options: Readonly<Record<string, unknown>>,
  faultOf: (made: unknown) => string | null,
): Promise<unknown> {
  const make = await loadFunction(path, setting);
  let made: unknown;
  try {
    made = await make(options);
  } catch (cause) {
    throw new VisplayError("config", `${setting}: ${path} threw: ${messageOf(cause)}`, { cause });
  }
  const fault = faultOf(made);
  if (fault) throw new VisplayError("config", `${setting}: ${path} gave ${fault}`);
  return made;
}

/** What came of a call to the module, or what spoiled it. */
export async function resultOf<T>(call: () => Promise<T>): Promise<Result<T>> {
  try {
    return { given: await call() };
  } catch (error) {
    if (error instanceof EnvironmentFault) return { fault: { kind: error.kind, reason: error.reason } };
    return { fault: { kind: "threw", reason: messageOf(error) } };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
