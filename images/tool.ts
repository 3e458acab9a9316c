import { spawn } from "node:child_process";
import { Refusal } from "./refusal.ts";

export interface ToolOptions {
  readonly signal: AbortSignal;
  /** What to throw where the program fails, by what it complained of. */
  readonly failure: (complaint: string) => Error;
}

/** What a program complains of, at most. */
const complaintBytes = 2 ** 16;

/**
 * What a program of the PATH writes, no faster than it is read. It is killed where nobody reads on, or the signal aborts,
 * with whose reason this throws. Throws a `Refusal` where there is no such program.
 */
export async function* outputOf(
  tool: "ffmpeg" | "ffprobe",
  args: readonly string[],
  { signal, failure }: ToolOptions,
): AsyncGenerator<Buffer> {
  signal.throwIfAborted();
  const child = spawn(tool, args, { stdio: ["ignore", "pipe", "pipe"], signal, killSignal: "SIGKILL" });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  // Awaited below, unless nobody reads as far.
  ended.catch(() => {});
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (complaint.length < complaintBytes) complaint += chunk.toString("latin1");
  });
  try {
    yield* child.stdout;
    const code = await ended;
    if (code !== 0) throw failure(complaint.trim());
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Refusal(
      `found a video, which ${tool} reads, and no ${tool} on the PATH; install it (apt-get install ffmpeg, brew install ffmpeg)`,
      { cause: error },
    );
  } finally {
    child.kill("SIGKILL");
  }
}
