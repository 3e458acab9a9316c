import { hostname } from "node:os";
import { setTimeout } from "node:timers/promises";
import { steadyClock } from "../common/clock.ts";
import { type Failure, failureOf } from "../common/errors.ts";
import type { RunEvent } from "../replay/events.ts";
import { SideWork } from "./side_work.ts";
import type { Watcher } from "./watcher.ts";

export type WebhookEvent = "start" | "finish" | "stop" | "crash" | "nan" | "collapse" | "stall";

/** What is posted, as JSON. */
export interface WebhookMessage {
  readonly event: WebhookEvent;
  /** The run's folder. */
  readonly run: string;
  readonly host: string;
  /** Milliseconds since 1970, by the time of day. */
  readonly atMs: number;
  /** All of it in one line, under the name that chat services read. */
  readonly text: string;
}

export interface WebhookOptions {
  readonly url: string;
  /** Minutes without an event that make a stall; 0 is never. */
  readonly stallMinutes: number;
  readonly warn: (line: string) => void;
  /** How long one attempt may take; there are two. */
  readonly timeoutMs?: number;
}

/** Messages that may wait; where more come, the oldest is dropped. */
const QUEUE = 16;
const TIMEOUT_MS = 5000;
/** How long a process waits, after all else, for what is still to be posted. */
const LAST_MS = 5000;

/** Posts what someone should know who is not looking. A slow or broken receiver costs the run nothing. */
export class Webhook implements Watcher {
  readonly #options: Required<WebhookOptions>;
  readonly #work: SideWork;
  readonly #waiting: WebhookMessage[] = [];
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #given = new AbortController();
  #run = "";
  #lastEventMs = 0;
  #started = false;
  #stalled = false;
  #ended = false;

  constructor(options: WebhookOptions) {
    this.#options = { timeoutMs: TIMEOUT_MS, ...options };
    this.#work = new SideWork("webhook", options.warn);
    this.#lastEventMs = steadyClock.now();
    const stallMs = options.stallMinutes * 60_000;
    if (stallMs > 0) {
      this.#timer = setInterval(() => this.#lookForStall(stallMs), Math.min(stallMs / 4, 10_000));
      this.#timer.unref();
    }
  }

  /** Names the run that messages are about: its folder. */
  about(run: string): void {
    this.#run = run;
  }

  apply(event: RunEvent): void {
    this.#lastEventMs = steadyClock.now();
    this.#stalled = false;
    if (!this.#started) this.#send("start", "started");
    this.#started = true;
    if (event.type === "alarm") {
      this.#send("collapse", `round ${event.round}, ${event.phase}: ${event.message}`);
    }
    if (event.type === "runFailed") this.#end(event);
    if (event.type === "runFinished") {
      this.#ended = true;
      this.#send("finish", `finished after ${event.rounds} rounds`);
    }
  }

  fail(error: unknown): void {
    this.#end(failureOf(error));
  }

  /** Waits until everything is posted or has failed twice, but not for long; then gives up what is still under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    // How a run ended matters most; a receiver that does not answer gets no time for the rest.
    if (this.#work.failed) this.#waiting.splice(0, this.#waiting.length - 1);
    const enough = new AbortController();
    const late = setTimeout(LAST_MS, undefined, { signal: enough.signal }).catch(() => {});
    await Promise.race([this.#work.idle(), late]);
    enough.abort();
    this.#waiting.length = 0;
    this.#given.abort();
  }

  #end({ code, message }: Failure): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#send(code === "cancelled" ? "stop" : code === "numeric" ? "nan" : "crash", message);
  }

  #lookForStall(stallMs: number): void {
    if (this.#stalled || this.#ended || steadyClock.now() - this.#lastEventMs < stallMs) return;
    this.#stalled = true;
    this.#send("stall", `no news for ${this.#options.stallMinutes} minutes`);
  }

  #send(event: WebhookEvent, text: string): void {
    const run = this.#run;
    this.#waiting.push({ event, run, host: hostname(), atMs: Date.now(), text: `visplay ${run}: ${text}` });
    if (this.#waiting.length > QUEUE) this.#waiting.shift();
    void this.#work.add(async () => {
      const message = this.#waiting.shift();
      if (!message) return;
      await this.#post(message).catch((error) => {
        if (this.#given.signal.aborted) throw error;
        return this.#post(message);
      });
    });
  }

  async #post(message: WebhookMessage): Promise<void> {
    const { url, timeoutMs } = this.#options;
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
      // Who may be posted to is what the address says, not what its host answers.
      redirect: "manual",
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#given.signal]),
    }).catch((error) => {
      throw new Error(`"${message.event}" did not arrive: ${reasonOf(error)}`);
    });
    await response.body?.cancel();
    const { ok, status } = response;
    const redirected = status >= 300 && status < 400 ? ", a redirect, which is not followed" : "";
    if (!ok) throw new Error(`"${message.event}" was answered with ${status}${redirected}`);
  }
}

/** Why a fetch failed; its own message is always "fetch failed". The URL may hold a secret, and is not said. */
function reasonOf({ name, cause, message }: Error): string {
  if (name === "TimeoutError" || name === "AbortError") return "no answer in time";
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? message;
}
