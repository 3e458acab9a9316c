import { VisplayError } from "../common/errors.ts";

/** Why a run ended before its end, for those who were not there. */
export interface Failure {
  /** A `VisplayError`'s, or "internal". */
  readonly code: string;
  readonly message: string;
}

/** What to tell of an error, whatever was thrown. */
export function failureOf(error: unknown): Failure {
  const code = error instanceof VisplayError ? error.code : "internal";
  return { code, message: error instanceof Error ? error.message : String(error) };
}
