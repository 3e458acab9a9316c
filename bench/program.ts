import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** Runs a program to its end and gives what it wrote to stdout; stderr is passed on. Throws where it fails. */
export async function outputOf(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const [output, [code, signal]] = await Promise.all([text(child.stdout), exited]);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ended with ${signal ?? code}\n${output}`);
  return output;
}

/** What a program prints as JSON in its last line. */
export async function reportOf<T>(command: string, args: readonly string[]): Promise<T> {
  const output = await outputOf(command, args);
  return JSON.parse(output.trim().split("\n").at(-1) as string) as T;
}
