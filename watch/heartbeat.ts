import { hostname } from "node:os";
import { join } from "node:path";
import type { RunConfig } from "../arena/config/config.ts";
import { steadyClock } from "../common/clock.ts";
import { replaceFile } from "../common/disk.ts";
import { type Failure, failureOf } from "../common/errors.ts";
import type { RunEvent } from "../replay/events.ts";
import { roundFigures } from "../replay/round_figures.ts";
import { BEAT_NAME, type Beat, readBeat } from "./beat.ts";
import { SideWork } from "./side_work.ts";
import { Tracker } from "./tracker.ts";
import type { Watcher } from "./watcher.ts";

/** The time of day, which may jump and says when; and the clock that events are stamped by, which says how long. */
export interface Clocks {
  wallMs(): number;
  steadyMs(): number;
}

export interface HeartbeatOptions {
  readonly folder: string;
  readonly config: RunConfig;
  /** How often the run was started, this time included. */
  readonly attempt: number;
  readonly warn: (line: string) => void;
  /** What the policies are at, in words (default: nobody knows). */
  readonly activity?: () => readonly string[];
  readonly clocks?: Clocks;
}

const realClocks: Clocks = { wallMs: Date.now, steadyMs: steadyClock.now };

/** Milliseconds between two beats without news. */
const BEAT_MS = 1000;

/** After these a beat does not wait for its time. */
const news: ReadonlySet<RunEvent["type"]> = new Set([
  "phaseStarted",
  "phaseFinished",
  "checkpointSaved",
  "alarm",
  "runFinished",
  "runFailed",
]);

/** Keeps `status.json` in a run's folder: what the run is doing, for whoever looks while it runs or after. */
export class Heartbeat implements Watcher {
  readonly #path: string;
  readonly #clocks: Clocks;
  readonly #tracker: Tracker;
  readonly #work: SideWork;
  readonly #timer: NodeJS.Timeout;
  readonly #attempt: number;
  readonly #activity: () => readonly string[];
  readonly #startedAtMs: number;
  readonly #startedSteadyMs: number;
  readonly #rewards: Record<string, number | null> = { questioner: null, reasoner: null };
  readonly #alarms: Beat["alarms"][number][] = [];
  #state: Beat["state"] = "running";
  #failure: Failure | null = null;
  #confidence: number | null = null;
  #questions: Beat["questions"] = null;
  #lastSave: Beat["lastSave"] = null;
  #beatIsDue = false;
  #waitsFor: string | null = null;

  /** Starts beating; what was saved and asked last is known from an earlier attempt's beat. */
  static async start(options: HeartbeatOptions): Promise<Heartbeat> {
    const before = await readBeat(options.folder).catch(() => null);
    const heartbeat = new Heartbeat(options, before);
    await heartbeat.#beat();
    return heartbeat;
  }

  private constructor(
    { folder, config, attempt, warn, activity = () => [], clocks = realClocks }: HeartbeatOptions,
    before: Beat | null,
  ) {
    this.#path = join(folder, BEAT_NAME);
    this.#clocks = clocks;
    this.#tracker = new Tracker(config);
    this.#work = new SideWork("heartbeat", warn);
    this.#attempt = attempt;
    this.#activity = activity;
    this.#questions = before?.questions ?? null;
    this.#lastSave = before?.lastSave ?? null;
    this.#startedAtMs = clocks.wallMs();
    this.#startedSteadyMs = clocks.steadyMs();
    this.#timer = setInterval(() => void this.#beat(), BEAT_MS);
    this.#timer.unref();
  }

  apply(event: RunEvent): void {
    this.#tracker.apply(event);
    switch (event.type) {
      case "questionerStep":
      case "reasonerStep":
        this.#rewards[event.role] = event.meanReward;
        break;
      case "questionerAudited":
      case "coEvolution": {
        const known = this.#questions?.round === event.round ? this.#questions.figures : {};
        const news = Object.entries(roundFigures(event)).map(([figure, { percent }]) => [figure, percent]);
        this.#questions = { round: event.round, figures: { ...known, ...Object.fromEntries(news) } };
        break;
      }
      case "checkpointSaved":
        this.#lastSave = { id: event.id, round: event.round, atMs: this.#clocks.wallMs() };
        break;
      case "alarm": {
        const { round, phase, name, message } = event;
        this.#alarms.push({ round, phase, name, message });
        break;
      }
      case "runFinished":
        this.#state = "finished";
        break;
      case "runFailed":
        this.#state = "failed";
        this.#failure = { code: event.code, message: event.message };
    }
    if ("meanConfidence" in event) this.#confidence = event.meanConfidence;
    if (news.has(event.type)) void this.#beat();
  }

  wait(reason: string | null): void {
    this.#waitsFor = reason;
    void this.#beat();
  }

  fail(error: unknown): void {
    this.#failure = failureOf(error);
    this.#state = this.#failure.code === "cancelled" ? "stopped" : "failed";
    void this.#beat();
  }

  /** Writes the last beat. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    if (this.#state === "running") this.#state = "stopped";
    await this.#work.idle();
    await this.#beat();
  }

  /** Replaces the file; beats that come while another waits for the disk are one. */
  #beat(): Promise<void> {
    if (this.#beatIsDue) return this.#work.idle();
    this.#beatIsDue = true;
    return this.#work.add(() => {
      this.#beatIsDue = false;
      return replaceFile(this.#path, `${JSON.stringify(this.#say(), null, 2)}\n`);
    });
  }

  #say(): Beat {
    const steadyMs = this.#clocks.steadyMs();
    return {
      version: 1,
      state: this.#state,
      failure: this.#failure,
      pid: process.pid,
      host: hostname(),
      attempt: this.#attempt,
      startedAtMs: this.#startedAtMs,
      beatAtMs: this.#clocks.wallMs(),
      runningMs: steadyMs - this.#startedSteadyMs,
      waitsFor: this.#waitsFor,
      standing: this.#tracker.standing(steadyMs),
      activity: this.#activity(),
      rewards: this.#rewards,
      confidence: this.#confidence,
      questions: this.#questions,
      lastSave: this.#lastSave,
      alarms: this.#alarms,
    };
  }
}
