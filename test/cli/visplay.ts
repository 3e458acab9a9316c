import { spawnSync } from "node:child_process";
import { program } from "../built.ts";

/** Runs the built command to its end, with no terminal. */
export function visplay(...args: readonly string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return { status, stdout, stderr };
}
