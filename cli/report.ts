import { CommanderError } from "commander";
import { diskError } from "../common/disk.ts";
import { exitCodes, VisplayError } from "../common/errors.ts";

/** Errors of the file system that a user can repair, wherever they surface. */
const diskCodes: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM"]);

/** The process exit code for what went wrong: by cause, 1 for programming errors, 0 where help was asked for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  const cause = causeOf(error);
  return cause instanceof VisplayError ? exitCodes[cause.code] : 1;
}

/**
 * What to print: one message for errors that a user can repair, with the stack if `debug`; else the stack. Nothing for
 * what the user wanted: help, or a stop.
 */
export function messageOf(error: unknown, debug: boolean): string {
  if (error instanceof CommanderError) return "";
  const cause = causeOf(error);
  if (!debug && cause instanceof VisplayError && cause.code === "cancelled") return "";
  if (!debug && cause instanceof VisplayError) return `visplay: ${cause.message}`;
  return `visplay: ${cause instanceof Error ? stackOf(cause) : String(cause)}`;
}

function causeOf(error: unknown): unknown {
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (error instanceof VisplayError || !diskCodes.has(code)) return error;
  return diskError(path ?? "a file", error);
}

/** The stack of an error and of all its causes. */
function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}
