import type { RunConfig } from "../arena/config/config.ts";
import { attributionShares } from "../replay/attribution.ts";
import type {
  CurriculumStep,
  EvaluationReport,
  QuestionerStep,
  ReasonerStep,
  RunEvent,
  SupervisedStep,
  TrajectoryFigures,
  UpdateRecord,
} from "../replay/events.ts";
import { namedScores } from "../replay/scores.ts";
import { countFaults } from "../replay/turns.ts";

type StepEvent = QuestionerStep | CurriculumStep | ReasonerStep;

/** Figures of one event by tag ("reasoner/reward"), and the step of their charts. */
export interface Figures {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/**
 * What of an event is worth a chart, null for most. Steps count through the whole run, so that a run that is
 * resumed goes on where it was; figures of a round stand at the round.
 */
export function figuresOf(event: RunEvent, config: RunConfig): Figures | null {
  switch (event.type) {
    case "questionerStep":
    case "curriculumStep":
    case "reasonerStep":
      return { step: stepInRun(event, config), values: tag(event.phase, stepFigures(event)) };
    case "supervisedStep": {
      const { update, heldOutLoss, failed, durationMs } = event;
      const own = { seconds: durationMs / 1000, failed, heldOutLoss, ...(update && updateFigures(update)) };
      return { step: stepInRun(event, config), values: tag(event.phase, own) };
    }
    case "curriculumBuilt": {
      const { questions, admitted, audit } = event;
      const shares = { admittedShare: questions > 0 ? admitted / questions : null };
      const audited = { silverCorrect: audit?.silverCorrect, meaningful: audit?.meaningful };
      return { step: event.round, values: tag("rounds", { admitted, ...shares, ...audited }) };
    }
    case "audited":
      return { step: event.round, values: tag("rounds", { auditedCorrect: event.silverCorrect }) };
    case "skillsMeasured": {
      const { success, understanding, toolUse } = event;
      const measured = { understanding: understanding?.percent, toolUse: toolUse?.percent };
      return { step: event.round, values: tag("skills", { success: success.percent, ...measured }) };
    }
    case "evaluated":
      return {
        step: event.round,
        values: tag("evaluation", { ...namedScores(event.report), ...examined(event.report) }),
      };
    default:
      return null;
  }
}

function stepInRun({ phase, round, step, steps }: StepEvent | SupervisedStep, config: RunConfig): number {
  const perRound = phase === "questioner" || phase === "reasoner" ? config[phase].stepsPerRound : steps;
  return (round - 1) * perRound + step;
}

type Values = Readonly<Record<string, number | null | undefined>>;

function stepFigures(event: StepEvent): Values {
  const { durationMs, sampledTokens, failed, health } = event;
  return {
    seconds: durationMs / 1000,
    tokensPerSecond: durationMs > 0 ? (1000 * sampledTokens) / durationMs : null,
    failed,
    ...tag("health", { ...health }),
    ...("meanConfidence" in event && { confidence: event.meanConfidence, verified: event.verified }),
    ...("admitted" in event && { admitted: event.admitted }),
    ...("meanReward" in event && trainingFigures(event)),
    ...("checks" in event && tag("checks", event.checks)),
    ...("trajectories" in event && event.trajectories && tag("trajectories", summary(event.trajectories))),
    ...("attribution" in event &&
      event.attribution &&
      tag("attribution", attributionShares(event.attribution))),
    ...("imitated" in event && event.imitated && tag("imitated", updateFigures(event.imitated))),
  };
}

/** Where an evaluation's answers went wrong, in percent. */
function examined({ attribution }: EvaluationReport): Values {
  if (attribution === null) return {};
  const shares = Object.entries(attributionShares(attribution.overall));
  return tag(
    "attribution",
    Object.fromEntries(shares.map(([name, share]) => [name, share === null ? null : 100 * share])),
  );
}

function summary(trajectories: TrajectoryFigures): Values {
  const { meanTurns, unfinished, faults, meanCalls, failedCalls, failures } = trajectories;
  const calls = failedCalls === null ? {} : { meanCalls, failedCalls };
  const began = tag("failures", failures ?? {});
  return { meanTurns, unfinished, faults: countFaults(faults), ...calls, ...began };
}

function trainingFigures(event: QuestionerStep | ReasonerStep): Values {
  const { meanReward, droppedGroups, groups, meanTokens, truncatedShare, update, parts } = event;
  return {
    reward: meanReward,
    droppedShare: groups > 0 ? droppedGroups / groups : null,
    tokens: meanTokens,
    truncatedShare,
    ...tag("parts", parts),
    ...(update && updateFigures(update)),
  };
}

function updateFigures({ loss, gradientNorm, kl, clipFraction, learningRate }: UpdateRecord): Values {
  return { loss, gradientNorm, kl, clipFraction, learningRate };
}

/** What is known, under tags with a prefix. */
function tag(prefix: string, values: Values): Record<string, number> {
  const known = Object.entries(values).filter((entry): entry is [string, number] => entry[1] != null);
  return Object.fromEntries(known.map(([name, value]) => [`${prefix}/${name}`, value]));
}
