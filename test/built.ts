import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The `visplay` command as it was built before the tests; `bin/visplay.js` would look each time whether it still is. */
export const program: string = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

const hostProgram = fileURLToPath(new URL("program_host.js", import.meta.url));

/** How a command ended and what it said. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs the built command to its end, however that is, in a process of its own. */
export async function spawnProgram(
  args: readonly string[],
  surroundings: Surroundings = {},
): Promise<Outcome> {
  return promisify(execFile)(process.execPath, [program, ...args], surroundings).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

/** How large a process may become that runs commands, before another takes its place. */
const mostBytes = 2 ** 30;
let host: ChildProcess | null = null;
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs the built command to its end, however that is, in a process that does so for one command after another: nine
 * tenths of a second less each than a process of its own takes to start.
 */
export function runProgram(args: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
  const outcome = last.then(() => perform(args, surroundings));
  last = outcome.catch(() => {});
  return outcome;
}

async function perform(
  args: readonly string[],
  { cwd = process.cwd(), env = process.env }: Surroundings,
): Promise<Outcome> {
  host ??= fork(hostProgram, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  host.ref();
  host.channel?.ref();
  host.send({ args, cwd, env: { ...env } });
  const ended = new AbortController();
  try {
    const { signal } = ended;
    const answer = once(host, "message", { signal }).then(
      ([outcome]) => outcome as Outcome & { readonly residentBytes: number },
    );
    const exit = once(host, "exit", { signal }).then(([code, reason]) => {
      host = null;
      throw new Error(`visplay ${args.join(" ")} ended its process: ${code ?? reason}`);
    });
    const { residentBytes, ...outcome } = await Promise.race([answer, exit]);
    if (residentBytes > mostBytes) {
      host?.kill();
      host = null;
    }
    return outcome;
  } finally {
    ended.abort();
    host?.unref();
    host?.channel?.unref();
  }
}
