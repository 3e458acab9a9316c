import { concat, concatMap, defer, EMPTY, from, type Observable, throwError } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import { deriveSeed } from "../common/random.ts";
import type { PolicyInfo } from "../policy/policy.ts";
import { Questioner } from "../questioner/questioner.ts";
import { Reasoner } from "../reasoner/reasoner.ts";
import { type EventBody, REPLAY_VERSION, type Role, type RunEvent } from "../replay/events.ts";
import { Alarms } from "./alarms.ts";
import type { RunConfig } from "./config.ts";
import type { Ports } from "./ports.ts";

/** One play of a configuration: what its phases share. */
export class Run {
  readonly config: RunConfig;
  readonly ports: Ports;
  readonly questioner: Questioner;
  readonly reasoner: Reasoner;
  /** The policies as they were when the run began. */
  readonly models: Readonly<Record<Role, PolicyInfo>>;
  readonly startedMs: number;
  /** Optimiser steps each policy has taken, as it reported last. */
  readonly versions: Record<Role, number>;
  readonly alarms: Alarms;

  constructor(config: RunConfig, ports: Ports, models: Readonly<Record<Role, PolicyInfo>>) {
    this.config = config;
    this.ports = ports;
    this.questioner = new Questioner(ports.policies.questioner, ports.templates);
    this.reasoner = new Reasoner(ports.policies.reasoner, ports.templates);
    this.models = models;
    this.startedMs = ports.clock.now();
    this.versions = { questioner: models.questioner.version, reasoner: models.reasoner.version };
    this.alarms = new Alarms(config.alarms);
  }

  /** The seed of one purpose at one place; nothing in a run is drawn from anything else. */
  seed(purpose: string, ...place: readonly number[]): number {
    return deriveSeed(this.config.seed, purpose, ...place);
  }

  /** The share of its learning rate that a policy's next optimiser step of this run has: it rises in a line. */
  warmup(role: Role): number {
    const steps = this.versions[role] - this.models[role].version;
    return Math.min(1, (steps + 1) / Math.max(1, this.config.optimizer.warmupSteps));
  }

  /**
   * Appends events, and the alarms that they raise, to the log, all or none, and then emits them: what is seen is
   * already on disk. Ends with "collapse" where an alarm is to stop the run.
   */
  record(bodies: readonly EventBody[]): Observable<RunEvent> {
    return defer(() => {
      const alarms = this.alarms.after(bodies);
      const atMs = this.ports.clock.now();
      const events = [...bodies, ...alarms].map(
        (body): RunEvent => ({ version: REPLAY_VERSION, atMs, ...body }),
      );
      if (events.length === 0) return EMPTY;
      const recorded = from(this.ports.log.append(events)).pipe(concatMap(() => events));
      const [alarm] = this.config.alarms.stop ? alarms : [];
      if (!alarm) return recorded;
      return concat(
        recorded,
        throwError(() => new VisplayError("collapse", `${alarm.message}; alarms.stop ended the run`)),
      );
    });
  }
}
