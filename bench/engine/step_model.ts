import { Replica, type SampledGroup, type Speed } from "./replica.ts";

/** What the one process that orchestrates spends, seconds of its thread. */
export interface Orchestration {
  /** Writing and sending a request for a group. */
  readonly sendS: number;
  /** Reading what came, judging and recording it. */
  readonly receiveS: number;
  /** A group's part of an update request. */
  readonly updateS: number;
  /** Groups that are asked for at once. */
  readonly window: number;
}

/** Nothing costs anything: what the engine alone would take. */
export const free: Orchestration = { sendS: 0, receiveS: 0, updateS: 0, window: Number.POSITIVE_INFINITY };

/** An engine, and how it is reached. */
export interface Engine {
  readonly replicas: number;
  readonly speed: Speed;
  /** From a request to the engine, and back again, s. */
  readonly roundTripS: number;
  /** An update of so many tokens, s. */
  updateS(tokens: number): number;
  /** Until replicas sample with the new weights, s. */
  readonly publishS: number;
}

/** What became of a simulated step. */
export interface SimulatedStep {
  readonly seconds: number;
  /** Until the last completion was received. */
  readonly samplingS: number;
  /** Time in which the orchestrating thread was busy. */
  readonly busyS: number;
}

interface Event {
  readonly atS: number;
  readonly act: () => void;
}

/**
 * A step of GRPO over an engine: groups are asked for, as many at once as the window lets, by one thread that also reads what
 * comes; once all are there, it sends the update, which begins when it has come whole.
 */
export function simulateStep(
  groups: readonly SampledGroup[],
  engine: Engine,
  { sendS, receiveS, updateS, window }: Orchestration,
): SimulatedStep {
  const replicas = Array.from({ length: engine.replicas }, () => new Replica(engine.speed));
  const arrivals: Event[] = [];
  const latencyS = engine.roundTripS / 2;
  /** When the thread is free. */
  let threadS = 0;
  let busyS = 0;
  let next = 0;
  let inFlight = 0;
  let received = 0;
  const work = (nowS: number, seconds: number): number => {
    threadS = Math.max(threadS, nowS) + seconds;
    busyS += seconds;
    return threadS;
  };
  const at = (atS: number, act: () => void): void => {
    const place = arrivals.findLastIndex((each) => each.atS <= atS);
    arrivals.splice(place + 1, 0, { atS, act });
  };
  const ask = (nowS: number): void => {
    while (next < groups.length && inFlight < window) {
      const group = next++;
      inFlight++;
      const arrivesS = work(nowS, sendS) + latencyS;
      at(arrivesS, () => leastLoaded(replicas).add(arrivesS, group, groups[group] as SampledGroup));
    }
  };
  ask(0);
  while (received < groups.length) {
    const replica = earliest(replicas);
    const [event] = arrivals;
    if (event && event.atS <= replica.nextS) {
      arrivals.shift();
      event.act();
      continue;
    }
    const wholeS = replica.nextS;
    if (replica.finish() === null) continue;
    const comesS = wholeS + latencyS;
    at(comesS, () => {
      const readS = work(comesS, receiveS);
      received++;
      inFlight--;
      ask(readS);
    });
  }
  const samplingS = threadS;
  const tokens = groups.reduce((sum, { promptTokens, lengths }) => sum + promptTokens + total(lengths), 0);
  const sentS = work(samplingS, updateS * groups.length);
  const seconds = sentS + engine.roundTripS + engine.updateS(tokens) + engine.publishS;
  return { seconds, samplingS, busyS };
}

/**
 * The share of a step in which the engine waits for who orchestrates: against the same step with nothing to wait for, asked for
 * at once or in the same window, whichever spreads its groups better.
 */
export function waitShare(
  groups: readonly SampledGroup[],
  engine: Engine,
  orchestration: Orchestration,
): number {
  const near = { ...engine, roundTripS: 0 };
  const { window } = orchestration;
  const own = [free, { ...free, window }].map((each) => simulateStep(groups, near, each).seconds);
  return 1 - Math.min(...own) / simulateStep(groups, engine, orchestration).seconds;
}

function leastLoaded(replicas: readonly Replica[]): Replica {
  return replicas.reduce((least, each) => (each.load < least.load ? each : least));
}

function earliest(replicas: readonly Replica[]): Replica {
  return replicas.reduce((first, each) => (each.nextS < first.nextS ? each : first));
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
