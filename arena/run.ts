import { concat, concatMap, defer, EMPTY, from, type Observable, tap, throwError } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import { deriveSeed } from "../common/random.ts";
import type { LabelledItems } from "../environments/data.ts";
import type { ImageFile } from "../images/source.ts";
import type { Policy, PolicyInfo } from "../policy/port.ts";
import { Questioner } from "../questioner/questioner.ts";
import { type EventBody, type PolicyVersions, REPLAY_VERSION, type RunEvent } from "../replay/events.ts";
import type { Role } from "../replay/self_play.ts";
import { type Leg, stages } from "../replay/stages.ts";
import { imagesNamedBy } from "../replay/turns.ts";
import type { Environment } from "../training/environment.ts";
import { Alarms } from "./alarms.ts";
import { Answerer, type AnswerTools } from "./answerer.ts";
import type { RunConfig } from "./config/config.ts";
import type { Stage } from "./config/stages.ts";
import { emptyCurriculum } from "./curriculum.ts";
import { noGateSums } from "./gate_audit.ts";
import type { Ports } from "./ports.ts";
import { follow, type Progress } from "./progress.ts";
import { beginningOf, type Position, type RunState, STATE_VERSION, startsRound } from "./run_state.ts";

/** One play of a stage of a configuration: what its phases share, and where the run stands. */
export class Run {
  readonly config: RunConfig;
  readonly stage: Stage;
  readonly ports: Ports;
  /** Who answers, with the tools that the stage has. */
  readonly reasoner: Answerer;
  /** What may be called before a question is answered; null for nothing. */
  readonly answerTools: AnswerTools | null;
  /** The policies as they were at the stage's very beginning, by role. */
  readonly models: Models;
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

  constructor(config: RunConfig, stage: Stage, ports: Ports, { models, versions, state }: Beginning) {
    const nowMs = ports.clock.now();
    this.config = config;
    this.stage = stage;
    this.ports = ports;
    this.answerTools = answerToolsOf(stage, ports, models);
    this.reasoner = new Answerer(ports.policies.reasoner, ports.templates, this.answerTools);
    this.models = models;
    this.#progress = {
      versions,
      updatesBefore: state?.updatesBefore ?? {},
      warmUpSteps: state?.warmUpSteps ?? config.warmUp.steps ?? 0,
      // A checkpoint of an earlier release lacks what was not counted then.
      curriculum: { ...emptyCurriculum, ...state?.curriculum },
      sample: state?.sample ?? [],
      gate: state?.gate ?? noGateSums,
      emptyRounds: state?.emptyRounds ?? 0,
      scores: state?.scores ?? null,
      safety: state?.safety ?? null,
      suiteBefore: state?.suiteBefore ?? null,
      widening: state?.widening ?? null,
    };
    this.alarms = new Alarms(config.alarms, state?.alarms);
    this.#next = state?.next ?? beginningOf(stage);
    this.#replay = state?.replay ?? 0;
    this.signal = AbortSignal.any([this.#controller.signal, ports.stop]);
    this.#startedMs = nowMs - (state?.playedMs ?? 0);
    this.#phaseStartedMs = nowMs - (state?.phaseMs ?? 0);
  }

  /** How far it has come, up to the event that was recorded last. */
  get progress(): Progress {
    return this.#progress;
  }

  /** Who asks, in a stage that has one. */
  get questioner(): Questioner {
    return new Questioner(this.policy("questioner"), this.ports.templates);
  }

  /** The policies that the stage trains. */
  get roles(): readonly Role[] {
    return stages[this.stage.config.kind].roles;
  }

  /** One of them. */
  policy(role: Role): Policy {
    const policy = this.ports.policies[role];
    if (policy) return policy;
    throw new Error(`the stage ${this.stage.name} has no ${role}`);
  }

  /** What the stage imitates. */
  get labelled(): LabelledItems {
    const labelled = this.ports.labelled[this.stage.index];
    if (labelled) return labelled;
    throw new Error(`the stage ${this.stage.name} has no data`);
  }

  /** In what the stage acts. */
  get environment(): Environment {
    const environment = this.ports.environments[this.stage.index];
    if (environment) return environment;
    throw new Error(`the stage ${this.stage.name} has no environment`);
  }

  /** Aborts what is under way. */
  abort(): void {
    this.#controller.abort();
  }

  /** The seed of one purpose at one place; nothing in a run is drawn from anything else. */
  seed(purpose: string, ...place: readonly number[]): number {
    return deriveSeed(this.config.seed, purpose, ...place);
  }

  /** Optimiser steps that a policy has taken in the stage. */
  updates(role: Role): number {
    return (this.#progress.versions[role] ?? 0) - (this.models[role]?.version ?? 0);
  }

  /** Those that every policy has taken in the stages up to now, by role. */
  get allUpdates(): Readonly<Record<string, number>> {
    const { updatesBefore } = this.#progress;
    const own = this.roles.map((role) => [role, (updatesBefore[role] ?? 0) + this.updates(role)]);
    return { ...updatesBefore, ...Object.fromEntries(own) };
  }

  /** The share of its learning rate that a policy's next optimiser step of this stage has: it rises in a line. */
  warmup(role: Role): number {
    return Math.min(1, (this.updates(role) + 1) / Math.max(1, this.config.optimizer.warmupSteps));
  }

  get #legs(): readonly Leg[] {
    return stages[this.stage.config.kind].legs;
  }

  /** A place in the stage. */
  at(round: number, leg: Leg, step = 0): Position {
    return { stage: this.stage.index, round, leg, step };
  }

  /** Where the stage begins. */
  get beginning(): Position {
    return beginningOf(this.stage);
  }

  /** Where the run stands once a leg is over. */
  after(round: number, leg: Leg): Position {
    const next = this.#legs[this.#legs.indexOf(leg) + 1];
    return next ? this.at(round, next) : { ...this.beginning, round: round + 1 };
  }

  /** The first step to make of a leg of the stage: 0, or later in one that was interrupted; null where it is over. */
  enter(round: number, leg: Leg): number | null {
    const { round: nextRound, leg: nextLeg, step } = this.#next;
    const ahead = round - nextRound || this.#legs.indexOf(leg) - this.#legs.indexOf(nextLeg);
    if (ahead < 0) return null;
    if (ahead === 0 && step > 0) return step;
    this.#next = this.at(round, leg);
    this.#phaseStartedMs = this.ports.clock.now();
    return 0;
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
    const { versions } = this.#progress;
    const ahead = this.roles.map(async (role) => (await this.policy(role).info()).version !== versions[role]);
    return (await Promise.all(ahead)).includes(true);
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
      const stamp = { version: REPLAY_VERSION, atMs, stage: this.stage.name } as const;
      const events = [...bodies, ...alarms].map((body): RunEvent => ({ ...stamp, ...body }));
      if (events.length === 0) return EMPTY;
      const named = new Set(events.flatMap(imagesNamedBy));
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

/** Policies as they say what they are, by role. */
export type Models = Readonly<Partial<Record<Role, PolicyInfo>>>;

function answerToolsOf({ config, index }: Stage, { toolkits }: Ports, models: Models): AnswerTools | null {
  const toolkit = toolkits[index];
  if (!("tools" in config) || !toolkit) return null;
  return { toolkit, maxTurns: config.maxTurns, hasToolForm: models.reasoner?.hasToolForm ?? false };
}

/** How a play begins: with the policies' base, or where an earlier one stopped. */
interface Beginning {
  readonly models: Models;
  readonly versions: PolicyVersions;
  readonly state: RunState | null;
}
