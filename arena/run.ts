import { concat, concatMap, defer, EMPTY, from, type Observable, tap, throwError } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import { deriveSeed } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import type { ImageFile } from "../images/source.ts";
import type { PolicyInfo } from "../policy/port.ts";
import { Questioner } from "../questioner/questioner.ts";
import { Reasoner } from "../reasoner/reasoner.ts";
import { type EventBody, REPLAY_VERSION, type RunEvent } from "../replay/events.ts";
import { type Leg, legs, type Role, roles, SELF_PLAY } from "../replay/self_play.ts";
import { Alarms } from "./alarms.ts";
import type { RunConfig } from "./config/config.ts";
import { emptyCurriculum } from "./curriculum.ts";
import type { Ports } from "./ports.ts";
import { follow, type Progress } from "./progress.ts";
import { comparePositions, type Position, type RunState, STATE_VERSION, startsRound } from "./run_state.ts";

/** One play of a configuration: what its phases share, and where it stands. */
export class Run {
  readonly config: RunConfig;
  readonly ports: Ports;
  readonly questioner: Questioner;
  readonly reasoner: Reasoner;
  /** The policies as they were at the run's very beginning. */
  readonly models: Readonly<Record<Role, PolicyInfo>>;
  #progress: Progress;
  #next: Position;
  #replay: number;
  /** Positions passed since the last checkpoint. */
  #unsaved = 0;
  /** The log refused something that happened. */
  #hasUnrecorded = false;
  /** When the run would have begun had it never been interrupted, and its current phase. */
  readonly #startedMs: number;
  #phaseStartedMs: number;
  readonly alarms: Alarms;
  readonly #controller = new AbortController();
  /** Aborts what is under way, where the run is to stop and once nobody follows it any more. */
  readonly signal: AbortSignal;
  /** Images that the log is known to hold. */
  readonly #stored = new Set<string>();

  constructor(config: RunConfig, ports: Ports, { models, versions, state }: Beginning) {
    const nowMs = ports.clock.now();
    this.config = config;
    this.ports = ports;
    this.questioner = new Questioner(ports.policies.questioner, ports.templates);
    this.reasoner = new Reasoner(ports.policies.reasoner, ports.templates);
    this.models = models;
    this.#progress = {
      versions,
      warmUpSteps: state?.warmUpSteps ?? config.warmUp.steps ?? 0,
      curriculum: state?.curriculum ?? emptyCurriculum,
      emptyRounds: state?.emptyRounds ?? 0,
      score: state?.score ?? null,
    };
    this.alarms = new Alarms(config.alarms, state?.alarms);
    this.#next = state?.next ?? { round: 0, leg: legs[0], step: 0 };
    this.#replay = state?.replay ?? 0;
    this.signal = AbortSignal.any([this.#controller.signal, ports.stop]);
    this.#startedMs = nowMs - (state?.playedMs ?? 0);
    this.#phaseStartedMs = nowMs - (state?.phaseMs ?? 0);
  }

  /** How far it has come, up to the event that was recorded last. */
  get progress(): Progress {
    return this.#progress;
  }

  /** Aborts what is under way. */
  abort(): void {
    this.#controller.abort();
  }

  /** The seed of one purpose at one place; nothing in a run is drawn from anything else. */
  seed(purpose: string, ...place: readonly number[]): number {
    return deriveSeed(this.config.seed, purpose, ...place);
  }

  /** Optimiser steps that a policy has taken since the run's base. */
  updates(role: Role): number {
    return this.#progress.versions[role] - this.models[role].version;
  }

  /** The share of its learning rate that a policy's next optimiser step of this run has: it rises in a line. */
  warmup(role: Role): number {
    return Math.min(1, (this.updates(role) + 1) / Math.max(1, this.config.optimizer.warmupSteps));
  }

  /** The first step to make of a leg of the run: 0, or later in one that was interrupted; null where it is over. */
  enter(round: number, leg: Leg): number | null {
    const start: Position = { round, leg, step: 0 };
    if (comparePositions(this.#next, start) <= 0) {
      this.#next = start;
      this.#phaseStartedMs = this.ports.clock.now();
      return 0;
    }
    return this.#next.round === round && this.#next.leg === leg ? this.#next.step : null;
  }

  /** Notes that what comes before `next` is done, and recorded. */
  advance(next: Position): void {
    this.#next = next;
    this.#replay = this.ports.log.position;
    this.#unsaved++;
  }

  get checkpointDue(): boolean {
    return (
      this.#unsaved > 0 && (startsRound(this.#next) || this.#unsaved >= this.config.checkpoint.everySteps)
    );
  }

  /** Notes that a checkpoint holds the present state. */
  noteSaved(): void {
    this.#unsaved = 0;
  }

  /** Whether something was done that the log does not hold: then the run is ahead of it, and not to be saved. */
  async isAhead(): Promise<boolean> {
    if (this.#hasUnrecorded) return true;
    const { policies } = this.ports;
    const infos = await Promise.all(roles.map((role) => policies[role].info()));
    return zip(roles, infos).some(([role, { version }]) => version !== this.#progress.versions[role]);
  }

  get playedMs(): number {
    return this.ports.clock.now() - this.#startedMs;
  }

  get phaseMs(): number {
    return this.ports.clock.now() - this.#phaseStartedMs;
  }

  /** Whether the log needs an image's bytes no more. */
  holds(image: ImageFile): boolean {
    return this.#stored.has(image.id);
  }

  /** Where the run stands, for a checkpoint. */
  state(): RunState {
    const { versions: _, ...progress } = this.#progress;
    const { playedMs, phaseMs } = this;
    return {
      version: STATE_VERSION,
      next: this.#next,
      replay: this.#replay,
      ...progress,
      alarms: this.alarms.state(),
      playedMs,
      phaseMs,
    };
  }

  /**
   * Appends events, the alarms that they raise and those of the `seen` images that they are about to the log, all or
   * none, and then emits them: what is seen is already on disk. Ends with "collapse" where an alarm is to stop the run.
   */
  record(bodies: readonly EventBody[], seen: readonly ImageFile[] = []): Observable<RunEvent> {
    return defer(() => {
      const alarms = this.alarms.after(bodies);
      const atMs = this.ports.clock.now();
      const stamp = { version: REPLAY_VERSION, atMs, stage: SELF_PLAY } as const;
      const events = [...bodies, ...alarms].map((body): RunEvent => ({ ...stamp, ...body }));
      if (events.length === 0) return EMPTY;
      const named = new Set(
        events.map((event) => ("image" in event && "id" in event.image ? event.image.id : null)),
      );
      const files = seen.filter(({ id }) => named.has(id));
      const recorded = from(this.ports.log.append(events, files)).pipe(
        tap({
          error: () => {
            this.#hasUnrecorded = true;
          },
        }),
        concatMap(() => {
          for (const { id } of files) this.#stored.add(id);
          const known = { config: this.config, truth: this.ports.truth };
          this.#progress = events.reduce((progress, event) => follow(progress, event, known), this.#progress);
          return events;
        }),
      );
      const [alarm] = this.config.alarms.stop ? alarms : [];
      if (!alarm) return recorded;
      return concat(
        recorded,
        throwError(() => new VisplayError("collapse", `${alarm.message}; alarms.stop ended the run`)),
      );
    });
  }
}

/** How a play begins: with the policies' base, or where an earlier one stopped. */
interface Beginning {
  readonly models: Readonly<Record<Role, PolicyInfo>>;
  readonly versions: Readonly<Record<Role, number>>;
  readonly state: RunState | null;
}
