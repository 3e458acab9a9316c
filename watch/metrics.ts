import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Counter, Gauge, Registry } from "prom-client";
import { steadyClock } from "../common/clock.ts";
import { VisplayError } from "../common/errors.ts";
import { attributionShares } from "../replay/attribution.ts";
import type {
  AttributionFigures,
  QuestionerStep,
  ReasonerStep,
  RunEvent,
  TrajectoryFigures,
} from "../replay/events.ts";
import { roundFigures } from "../replay/round_figures.ts";
import { namedScores } from "../replay/scores.ts";
import type { Watcher } from "./watcher.ts";

/** Serves a run's figures to Prometheus, at /metrics. */
export class Metrics implements Watcher {
  readonly #server: Server;
  readonly #registry = new Registry();
  readonly #gauges = makeGauges(this.#registry);
  readonly #counters = makeCounters(this.#registry);
  #lastEventMs: number = steadyClock.now();
  #url = "";

  /** Starts serving; port 0 takes any free one. Throws "config" where the port cannot be had. */
  static async start(host: string, port: number): Promise<Metrics> {
    const metrics = new Metrics();
    await metrics.#listen(host, port);
    return metrics;
  }

  private constructor() {
    const { secondsSinceEvent, residentBytes } = this.#gauges;
    this.#server = createServer(async (request, response) => {
      if (request.url?.split("?")[0] !== "/metrics") {
        response.writeHead(404).end("see /metrics\n");
        return;
      }
      secondsSinceEvent.set((steadyClock.now() - this.#lastEventMs) / 1000);
      residentBytes.set(process.memoryUsage.rss());
      response.writeHead(200, { "content-type": this.#registry.contentType });
      response.end(await this.#registry.metrics());
    });
  }

  /** Where the metrics are. */
  get url(): string {
    return this.#url;
  }

  apply(event: RunEvent): void {
    this.#lastEventMs = steadyClock.now();
    if ("round" in event) this.#gauges.round.set(event.round);
    switch (event.type) {
      case "phaseStarted":
        this.#gauges.phase.reset();
        this.#gauges.phase.set({ phase: event.phase }, 1);
        this.#steps(0, event.steps);
        break;
      case "evaluationProgress":
        this.#steps(event.done, event.total);
        break;
      case "questionerStep":
      case "curriculumStep":
      case "reasonerStep": {
        const { phase, step, steps, sampledTokens, durationMs, health } = event;
        this.#steps(step + 1, steps);
        this.#counters.steps.inc({ phase });
        this.#counters.tokens.inc(sampledTokens);
        if (durationMs > 0) this.#gauges.tokensPerSecond.set((1000 * sampledTokens) / durationMs);
        if ("meanConfidence" in event && event.meanConfidence !== null)
          this.#gauges.confidence.set(event.meanConfidence);
        if ("meanReward" in event) this.#setTraining(event);
        if ("trajectories" in event && event.trajectories) this.#setTrajectories(event.trajectories);
        if ("attribution" in event && event.attribution) this.#setAttribution(phase, event.attribution);
        for (const [figure, value] of Object.entries(health)) {
          if (value !== null) this.#gauges.health.set({ phase, figure }, value);
        }
        break;
      }
      case "supervisedStep": {
        const { phase, step, steps, role, update, heldOutLoss } = event;
        this.#steps(step + 1, steps);
        this.#counters.steps.inc({ phase });
        if (update) this.#gauges.loss.set({ role }, update.loss);
        if (heldOutLoss !== null) this.#gauges.heldOutLoss.set({ role }, heldOutLoss);
        break;
      }
      case "questionerAudited":
      case "coEvolution":
        for (const [figure, { percent }] of Object.entries(roundFigures(event)))
          this.#gauges.questions.set({ figure }, percent);
        break;
      case "rolloutFailed":
        this.#counters.failedRollouts.inc({ during: event.during });
        break;
      case "alarm":
        this.#counters.alarms.inc({ name: event.name });
        break;
      case "evaluated": {
        for (const [figure, percent] of Object.entries(namedScores(event.report))) {
          this.#gauges.accuracy.set({ figure }, percent);
        }
        const { attribution } = event.report;
        if (attribution) this.#setAttribution(event.phase, attribution.overall);
      }
    }
  }

  fail(): void {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #steps(done: number, planned: number): void {
    this.#gauges.step.set(done);
    this.#gauges.steps.set(planned);
  }

  #setAttribution(phase: string, figures: AttributionFigures): void {
    for (const [figure, share] of Object.entries(attributionShares(figures))) {
      if (share !== null) this.#gauges.attribution.set({ phase, figure }, share);
    }
  }

  #setTrajectories(trajectories: TrajectoryFigures): void {
    const { meanTurns, unfinished, meanCalls, failedCalls, faults, failures } = trajectories;
    this.#gauges.turns.set(meanTurns);
    this.#gauges.unfinished.set(unfinished);
    this.#gauges.calls.set(meanCalls);
    if (failedCalls !== null) this.#gauges.failedCalls.set(failedCalls);
    for (const [kind, count] of Object.entries(faults)) this.#counters.faults.inc({ kind }, count);
    for (const [kind, count] of Object.entries(failures ?? {})) this.#counters.failures.inc({ kind }, count);
  }

  #setTraining({ role, meanReward, update }: QuestionerStep | ReasonerStep): void {
    this.#gauges.reward.set({ role }, meanReward);
    if (!update) return;
    this.#gauges.loss.set({ role }, update.loss);
    this.#gauges.kl.set({ role }, update.kl);
    this.#gauges.gradientNorm.set({ role }, update.gradientNorm);
  }

  async #listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause: NodeJS.ErrnoException) => reject(portError(host, port, cause)));
      this.#server.listen(port, host, resolve);
    });
    // Metrics are no reason for a process to stay.
    this.#server.unref();
    const { address, port: taken, family } = this.#server.address() as AddressInfo;
    this.#url = `http://${family === "IPv6" ? `[${address}]` : address}:${taken}/metrics`;
  }
}

function portError(host: string, port: number, cause: NodeJS.ErrnoException): VisplayError {
  const found = problems[cause.code ?? ""] ?? cause.message;
  const message = `watch.metricsPort: found ${port} on ${host}, which ${found}; choose another, 0 for any free one`;
  return new VisplayError("config", message, { cause });
}

const problems: Readonly<Record<string, string>> = {
  EADDRINUSE: "is in use",
  EACCES: "this user may not open",
  EADDRNOTAVAIL: "is no address of this machine (watch.metricsHost)",
  ENOTFOUND: "is no known host (watch.metricsHost)",
};

function makeGauges(registry: Registry) {
  const gauge = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge<L>({ name: `visplay_${name}`, help, labelNames, registers: [registry] });
  return {
    round: gauge("round", "Round of the run, 0 is the base"),
    phase: gauge("phase", "1 for the phase that goes on", "phase"),
    step: gauge("step", "Steps done in this phase"),
    steps: gauge("steps", "Steps planned in this phase"),
    reward: gauge("reward", "Mean reward of the last step", "role"),
    confidence: gauge("confidence", "Mean confidence of the last step that voted, 0 to 1"),
    turns: gauge("trajectory_turns", "Turns of a trajectory, mean of the last step that acted"),
    unfinished: gauge(
      "trajectory_unfinished",
      "Share of trajectories without a turn left in that step, 0 to 1",
    ),
    calls: gauge("trajectory_calls", "Calls of tools in a trajectory, mean of that step"),
    failedCalls: gauge(
      "failed_calls",
      "Share of the calls that went wrong in the last step with any, 0 to 1",
    ),
    loss: gauge("loss", "Loss of the last update", "role"),
    heldOutLoss: gauge("held_out_loss", "Cross-entropy on what is held out, natural log per token", "role"),
    kl: gauge("kl", "Mean k3 KL to the run's base of the last update, natural log per token", "role"),
    gradientNorm: gauge("gradient_norm", "Norm of the gradient of the last update, before clipping", "role"),
    tokensPerSecond: gauge("tokens_per_second", "Tokens sampled per second in the last step"),
    health: gauge("health", "Signs of collapse in the last step", "phase", "figure"),
    accuracy: gauge("accuracy_percent", "Held-out figures of the last evaluation, percent", "figure"),
    questions: gauge(
      "questions_percent",
      "How right and sure the base and the Reasoner are of the last round's questions, and what passed the gate wrongly, percent",
      "figure",
    ),
    attribution: gauge(
      "attribution",
      "Where the answers that were looked at last went wrong, shares from 0 to 1",
      "phase",
      "figure",
    ),
    secondsSinceEvent: gauge("seconds_since_event", "Seconds since the run last recorded anything"),
    residentBytes: gauge("resident_bytes", "Memory of the process that is resident, bytes"),
  };
}

function makeCounters(registry: Registry) {
  const counter = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Counter<L>({ name: `visplay_${name}_total`, help, labelNames, registers: [registry] });
  return {
    tokens: counter("tokens", "Tokens sampled since this process started"),
    steps: counter("steps", "Steps done since this process started", "phase"),
    failedRollouts: counter("failed_rollouts", "Images and prompts left out", "during"),
    failures: counter("trajectory_failures", "Trajectories that failed, by how that began", "kind"),
    faults: counter("trajectory_faults", "Trajectories that a fault of the environment spoiled", "kind"),
    alarms: counter("alarms", "Alarms of collapse", "name"),
  };
}
