import type { RunConfig } from "../arena/config/config.ts";
import { attributionShares } from "../replay/attribution.ts";
import type {
  CurriculumAudit,
  CurriculumStep,
  EvaluationReport,
  GateAudit,
  QuestionerStep,
  ReasonerStep,
  RunEvent,
  SafetyFigures,
  SupervisedStep,
  TrajectoryFigures,
  UpdateRecord,
} from "../replay/events.ts";
import { roundFigures } from "../replay/round_figures.ts";
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
      const values = tag("rounds", { admitted, ...shares, ...audited });
      return { step: event.round, values: { ...values, ...tag("kinds", kindShares(audit)) } };
    }
    case "questionerAudited":
    case "coEvolution": {
      const estimates = Object.entries(roundFigures(event));
      const values = Object.fromEntries(estimates.map(([figure, { percent }]) => [figure, percent / 100]));
      return { step: event.round, values: tag("rounds", values) };
    }
    case "audited":
      return { step: event.round, values: tag("rounds", { auditedCorrect: event.silverCorrect }) };
    case "skillsMeasured": {
      const { success, understanding, toolUse } = event;
      const measured = { understanding: understanding?.percent, toolUse: toolUse?.percent };
      return { step: event.round, values: tag("skills", { success: success.percent, ...measured }) };
    }
    case "safetyChecked": {
      const { looked, found } = event;
      const measured = {
        violations: found.violations.percent / 100,
        reward: found.reward,
        success: found.success.percent / 100,
      };
      return { step: looked, values: tag("suite", measured) };
    }
    case "tasksWidened":
      return { step: event.step, values: tag("suite", { open: event.share }) };
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
    ...("audit" in event && event.audit && tag("audit", gateFigures(event, event.audit))),
    ...("trajectories" in event && event.trajectories && tag("trajectories", summary(event.trajectories))),
    ...("attribution" in event &&
      event.attribution &&
      tag("attribution", attributionShares(event.attribution))),
    ...("imitated" in event && event.imitated && tag("imitated", updateFigures(event.imitated))),
  };
}

/** What a step's gate let pass wrongly, and what it paid for that. */
function gateFigures(
  { meanReward }: QuestionerStep,
  { passed, meaningless, wrong, auditedReward }: GateAudit,
): Values {
  const falseAccepts = passed === 0 ? null : (meaningless + wrong) / passed;
  return { falseAccepts, auditedReward, unearnedReward: meanReward - auditedReward };
}

/** Shares of the questions that mean something. */
function kindShares(audit: CurriculumAudit | null): Values {
  const kinds = Object.entries(audit?.kinds ?? {});
  const total = kinds.reduce((sum, [, { asked }]) => sum + asked, 0);
  return Object.fromEntries(kinds.map(([kind, { asked }]) => [kind, asked / total]));
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
  const { meanTurns, unfinished, faults, meanCalls, failedCalls, failures, safety } = trajectories;
  const calls = failedCalls === null ? {} : { meanCalls, failedCalls };
  const began = tag("failures", failures ?? {});
  const kept = safety
    ? { violations: safety.violations / Math.max(1, safety.decisions), ...vetoes(safety) }
    : {};
  return { meanTurns, unfinished, faults: countFaults(faults), ...calls, ...began, ...kept };
}

/** Shares of decisions. */
function vetoes({ vetoes, decisions }: SafetyFigures): Values {
  const shares = Object.entries(vetoes).map(([why, count]) => [why, count / Math.max(1, decisions)]);
  return tag("vetoes", Object.fromEntries(shares));
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

function updateFigures({ loss, gradientNorm, kl, clipFraction, learningRate, gap }: UpdateRecord): Values {
  const sampled = { samplerGap: gap?.mean, samplerGapMax: gap?.max, samplerKl: gap?.kl };
  return { loss, gradientNorm, kl, clipFraction, learningRate, ...sampled };
}

/** What is known, under tags with a prefix. */
function tag(prefix: string, values: Values): Record<string, number> {
  const known = Object.entries(values).filter((entry): entry is [string, number] => entry[1] != null);
  return Object.fromEntries(known.map(([name, value]) => [`${prefix}/${name}`, value]));
}
