import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";

const sampleMs = 250;

/**
 * Runs a program to its end and gives what it wrote to stdout; stderr is passed on. `watch` is called with its process
 * id a few times a second. Throws where it fails.
 */
export async function outputOf(
  command: string,
  args: readonly string[],
  watch: (pid: number) => void = () => {},
): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  using _watching = every(sampleMs, () => {
    if (child.pid !== undefined && child.exitCode === null) watch(child.pid);
  });
  const exited = once(child, "exit");
  const [output, [code, signal]] = await Promise.all([text(child.stdout), exited]);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ended with ${signal ?? code}\n${output}`);
  return output;
}

/** What a program prints as JSON in its last line. */
export async function reportOf<T>(command: string, args: readonly string[]): Promise<T> {
  return lastLine(await outputOf(command, args));
}

/**
 * The same with `peak_mb`, 2^20 bytes: the most that was resident while it ran, sampled a few times a second. Pages that
 * are mapped several times are counted once, which is why it is not what the process itself says of its peak; where the
 * system does not tell (it is Linux's smaps_rollup), it is just that.
 */
export async function watchedReportOf<T extends { readonly peak_mb: number }>(
  command: string,
  args: readonly string[],
): Promise<T> {
  const { output, peakMb } = await watchedOutputOf(command, args);
  const report = lastLine<T>(output);
  return peakMb > 0 ? { ...report, peak_mb: peakMb } : report;
}

/** What a program prints, and the most that was resident; 0 where the system does not tell. */
export async function watchedOutputOf(
  command: string,
  args: readonly string[],
): Promise<{ readonly output: string; readonly peakMb: number }> {
  let peakMb = 0;
  const output = await outputOf(command, args, async (pid) => {
    const sizes = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
    peakMb = Math.max(peakMb, Number(/^Pss:\s+(\d+) kB/m.exec(sizes)?.[1] ?? 0) / 1024);
  });
  return { output, peakMb };
}

function lastLine<T>(output: string): T {
  return JSON.parse(output.trim().split("\n").at(-1) as string) as T;
}

function every(ms: number, act: () => void): Disposable {
  const timer = setInterval(act, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
