import { concatMap, defer, EMPTY, from, type Observable } from "rxjs";
import { deriveSeed } from "../common/random.ts";
import type { PolicyInfo } from "../policy/policy.ts";
import { Questioner } from "../questioner/questioner.ts";
import { Reasoner } from "../reasoner/reasoner.ts";
import { type EventBody, REPLAY_VERSION, type Role, type RunEvent } from "../replay/events.ts";
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

  constructor(config: RunConfig, ports: Ports, models: Readonly<Record<Role, PolicyInfo>>) {
    this.config = config;
    this.ports = ports;
    this.questioner = new Questioner(ports.policies.questioner, ports.templates);
    this.reasoner = new Reasoner(ports.policies.reasoner, ports.templates);
    this.models = models;
    this.startedMs = ports.clock.now();
    this.versions = { questioner: models.questioner.version, reasoner: models.reasoner.version };
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

  /** Appends events to the log, all or none, and then emits them: what is seen is already on disk. */
  record(bodies: readonly EventBody[]): Observable<RunEvent> {
    return defer(() => {
      const atMs = this.ports.clock.now();
      const events = bodies.map((body): RunEvent => ({ version: REPLAY_VERSION, atMs, ...body }));
      return events.length === 0 ? EMPTY : from(this.ports.log.append(events)).pipe(concatMap(() => events));
    });
  }
}
