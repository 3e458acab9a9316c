import { type ErrorCode, VisplayError } from "./errors.ts";

/** An error as plain data, since a structured clone loses its class and its own fields. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Of a `VisplayError`. */
  readonly code: ErrorCode | undefined;
  readonly cause: SentError | undefined;
}

export function encodeError(error: unknown): SentError {
  const { name, message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof VisplayError ? error.code : undefined;
  return { name, message, stack, code, cause: cause === undefined ? undefined : encodeError(cause) };
}

/** The error again, with the stack of the thread that threw it. */
export function decodeError({ name, message, stack, code, cause }: SentError): Error {
  const options = cause && { cause: decodeError(cause) };
  const error = code === undefined ? new Error(message, options) : new VisplayError(code, message, options);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
