import { runProgram } from "../built.ts";

/** Runs the built command to its end, with no terminal. */
export async function visplay(...args: readonly string[]): Promise<{
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}> {
  const { code, stdout, stderr } = await runProgram(args);
  return { status: code, stdout, stderr };
}
