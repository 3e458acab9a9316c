import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { RunEvent } from "../../replay/events.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { program } from "../built.ts";

/** What `visplay replay check` says. */
export async function check(
  folder: string,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const args = [program, "replay", "check", folder];
  return promisify(execFile)(process.execPath, args).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) =>
      ({ code, stdout, stderr }) as { code: number; stdout: string; stderr: string },
  );
}

/** Every event that can be read, but superseded ones. */
export function survivors(folder: string): RunEvent[] {
  using reader = ReplayReader.open(folder);
  return [...reader.events()].map(({ event }) => event);
}
