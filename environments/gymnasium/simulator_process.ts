import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import * as z from "zod";
import { VisplayError } from "../../common/errors.ts";
import { parseJson } from "../../common/json.ts";
import { EnvironmentFault, type FaultKind } from "../../training/environment.ts";

/** A program, and its arguments. */
export type CommandLine = readonly [program: string, ...args: string[]];

export interface CallOptions {
  /** What the call may take. */
  readonly timeLimitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a simulator's program writes in a line. */
const answerSchema = z.object({
  id: z.int(),
  given: z.unknown().optional(),
  fault: z.object({ kind: z.enum(["refused", "threw"]), reason: z.string() }).optional(),
});

/** Characters of what a program writes to stderr that are kept. */
const keptSaid = 2000;

/** A simulator that cannot be played at all, and why. */
export class SimulatorRefusal extends Error {}

/**
 * A program that simulates, and speaks in lines of JSON (`simulator.py` says which): one call at a time. It ends with a call
 * that takes too long, is cancelled, or is answered by nonsense.
 */
export class SimulatorProcess implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  #said = "";
  #calls = 0;
  /** How the call that is under way ends. */
  #answer: ((line: string) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;
  /** Why there can be no more calls. */
  #end: Error | undefined;

  constructor([program, ...args]: CommandLine) {
    const child = spawn(program, args);
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-keptSaid);
    });
    createInterface({ input: child.stdout }).on("line", (line) => this.#answer?.(line));
    // Who writes to a program that has ended learns of that by its end.
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.#die(error));
    child.on("close", (code, signal) => {
      this.#die(
        new EnvironmentFault("crashed", `its process ended (${signal ?? `exit code ${code}`})${this.said}`),
      );
    });
  }

  get isAlive(): boolean {
    return this.#end === undefined;
  }

  /** What it wrote to stderr last, as the end of a message. */
  get said(): string {
    const last = this.#said.trim().split("\n").at(-1) ?? "";
    return last === "" ? "" : `; it said: ${last}`;
  }

  /**
   * What it answers. Rejects with an `EnvironmentFault`, with a `SimulatorRefusal` where it says that it cannot be played,
   * with the error of `spawn` where it did not start, and with "cancelled" where the signal aborts.
   */
  async call(method: string, args: object, { timeLimitMs, signal }: CallOptions): Promise<unknown> {
    if (this.#end) throw this.#end;
    const id = ++this.#calls;
    const line = new Promise<string>((resolve, reject) => {
      this.#answer = resolve;
      this.#fail = reject;
    });
    const late = new EnvironmentFault(
      "late",
      `${method} took more than ${timeLimitMs / 1000} s (environment.timeLimit)`,
    );
    const timer = setTimeout(() => this.#die(late), timeLimitMs);
    const abort = () => this.#die(new VisplayError("cancelled", "the call was cancelled"));
    signal?.addEventListener("abort", abort);
    try {
      if (signal?.aborted) abort();
      else this.#child.stdin.write(`${JSON.stringify({ id, method, ...args })}\n`);
      return this.#read(id, await line);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      this.#answer = undefined;
      this.#fail = undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#die(new Error("the simulator was closed"));
  }

  #read(id: number, line: string): unknown {
    const { success, data } = answerSchema.safeParse(parseJson(line));
    if (!success || data.id !== id) {
      const found = line.length > 80 ? `${line.slice(0, 79)}…` : line;
      const fault = new EnvironmentFault(
        "nonsense",
        `found ${JSON.stringify(found)}, expected a line of JSON that answers call ${id}`,
      );
      this.#die(fault);
      throw fault;
    }
    if (!data.fault) return data.given;
    const { kind, reason } = data.fault;
    throw kind === "refused"
      ? new SimulatorRefusal(reason)
      : new EnvironmentFault(kind satisfies FaultKind, reason);
  }

  #die(error: Error): void {
    if (this.#end) return;
    this.#end = error;
    this.#child.kill("SIGKILL");
    this.#fail?.(error);
  }
}
