import type { GateAudit, RunEvent } from "../replay/events.ts";
import type { RecordedEvent } from "../replay/restore.ts";
import { countFaults } from "../replay/turns.ts";
import type { StepSeries } from "./answers.ts";

type StepEvent = Extract<RunEvent, { readonly health: unknown } | { readonly heldOutLoss: unknown }>;

/** The figures of the steps among events that count, phase by phase. */
export function seriesOf(events: readonly RecordedEvent[]): StepSeries[] {
  const steps = events.flatMap(({ id, superseded, event }) =>
    ("health" in event || "heldOutLoss" in event) && !superseded
      ? [{ id, event, figures: figuresOf(event) }]
      : [],
  );
  const phases = [...new Set(steps.map(({ event }) => event.phase))];
  return phases.map((phase) => {
    const own = steps.filter(({ event }) => event.phase === phase);
    const names = [...new Set(own.flatMap(({ figures }) => Object.keys(figures)))];
    return {
      phase,
      event: own.map(({ id }) => id),
      round: own.map(({ event }) => event.round),
      step: own.map(({ event }) => event.step),
      atMs: own.map(({ event }) => event.atMs),
      figures: Object.fromEntries(
        names.map((name) => [name, own.map(({ figures }) => figures[name] ?? null)]),
      ),
    };
  });
}

/** Every number that a step's event tells. */
function figuresOf(event: StepEvent): Readonly<Record<string, number | null>> {
  const { durationMs, sampledTokens } = event;
  const health = "health" in event ? event.health : null;
  const training = "meanReward" in event ? event : null;
  const update = "update" in event ? event.update : null;
  const acted = "trajectories" in event ? event.trajectories : null;
  const named = (kind: string, values: Readonly<Record<string, number | null>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [`${kind}:${name}`, value]));
  return {
    ...(training && {
      reward: training.meanReward,
      length: training.meanTokens,
      truncated: training.truncatedShare,
      taught: training.groups > 0 ? 1 - training.droppedGroups / training.groups : null,
    }),
    ...(acted && {
      turns: acted.meanTurns,
      unfinished: acted.unfinished,
      faults: countFaults(acted.faults),
      ...(acted.failedCalls !== null && { calls: acted.meanCalls, failedCalls: acted.failedCalls }),
      ...named("failure", acted.failures ?? {}),
    }),
    ...(update && {
      kl: update.kl,
      gradientNorm: update.gradientNorm,
      loss: update.loss,
      clipFraction: update.clipFraction,
      learningRate: update.learningRate,
      ...(update.gap && { samplerGap: update.gap.mean, samplerKl: update.gap.kl }),
    }),
    ...("meanConfidence" in event && { confidence: event.meanConfidence, verified: event.verified }),
    ...("admitted" in event && event.questions > 0 && { admitted: event.admitted / event.questions }),
    ...("heldOutLoss" in event && { heldOutLoss: event.heldOutLoss }),
    ...(health && {
      entropy: health.answerEntropy,
      parseFailures: health.parseFailures,
      abstentions: health.abstentions,
      clusterShare: health.clusterShare,
    }),
    tokensPerSecond: durationMs > 0 ? sampledTokens / (durationMs / 1000) : null,
    ...("audit" in event && event.audit && auditFigures(event, event.audit)),
    ...("checks" in event && named("check", event.checks)),
    ...("parts" in event && named("part", event.parts)),
    ...("attribution" in event && event.attribution && named("cause", event.attribution.causes)),
  };
}

/** The share of what passed the gate that should not have, and the reward that it earned. */
function auditFigures({ meanReward }: { readonly meanReward: number }, audit: GateAudit) {
  const { passed, meaningless, wrong, auditedReward } = audit;
  return {
    falseAccepts: passed === 0 ? null : (meaningless + wrong) / passed,
    unearned: meanReward - auditedReward,
  };
}
