import { CommanderError } from "commander";
import { exitCodes, VisplayError } from "../common/errors.ts";

/** Errors of the file system that a user can repair, as the cause "disk". */
const diskErrors: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: free some space, or write elsewhere with --out",
  EDQUOT: "the disk quota is used up: free some space, or write elsewhere with --out",
  EROFS: "the file system is read-only: write elsewhere with --out",
  EACCES: "permission denied",
  EPERM: "permission denied",
};

/** The process exit code for what went wrong: by cause, 1 for programming errors, 0 where help was asked for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof VisplayError) return exitCodes[error.code];
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  return diskProblem(error) ? exitCodes.disk : 1;
}

/** What to print: one message for errors that a user can repair, with the stack if `debug`; else the stack. */
export function messageOf(error: unknown, debug: boolean): string {
  if (error instanceof CommanderError) return "";
  const disk = diskProblem(error);
  if (!debug && error instanceof VisplayError) return `visplay: ${error.message}\n`;
  if (!debug && disk) return `visplay: ${disk}\n`;
  return `visplay: ${error instanceof Error ? stackOf(error) : String(error)}\n`;
}

function diskProblem(error: unknown): string | undefined {
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
  const problem = code && Object.hasOwn(diskErrors, code) ? diskErrors[code] : undefined;
  return problem && (path ? `${path}: ${problem}` : problem);
}

/** The stack of an error and of all its causes. */
function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}
