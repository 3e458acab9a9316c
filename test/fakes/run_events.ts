import {
  type AttributionFigures,
  type CoEvolution,
  type Estimate,
  type EvaluationReport,
  type EventBody,
  type Health,
  type QuestionerAudited,
  type QuestionerStep,
  REPLAY_VERSION,
  type ReasonerStep,
  type RunEvent,
} from "../../replay/events.ts";
import { SELF_PLAY } from "../../replay/self_play.ts";
import type { Phase } from "../../replay/stages.ts";
import { healthy } from "./health.ts";

/** An event at a moment in seconds. */
export const at = (seconds: number, body: EventBody): RunEvent => ({
  version: REPLAY_VERSION,
  atMs: seconds * 1000,
  stage: SELF_PLAY,
  ...body,
});

export const phaseStarted = (round: number, phase: Phase, steps = 4): EventBody => ({
  type: "phaseStarted",
  round,
  phase,
  steps,
});

const step = {
  ...{ round: 1, step: 0, steps: 4, durationMs: 5000, timingsMs: {}, sampledTokens: 6000, failed: 0 },
  ...{ meanReward: 0.413, groups: 16, droppedGroups: 2, meanTokens: 12, truncatedShare: 0, parts: {} },
  health: healthy,
  update: {
    ...{ loss: 0.5, gradientNorm: 2, kl: 0.01, clipFraction: 0.1 },
    ...{ tokens: 900, version: 1, learningRate: 1e-4 },
  },
};

export const questionerStep = (change: Partial<QuestionerStep> = {}): QuestionerStep => ({
  type: "questionerStep",
  phase: "questioner",
  role: "questioner",
  ...step,
  questions: 128,
  meanConfidence: 0.72,
  verified: null,
  audit: null,
  checks: { format: 0.9 },
  ...change,
});

export const reasonerStep = (change: Partial<ReasonerStep> = {}): ReasonerStep => ({
  type: "reasonerStep",
  phase: "reasoner",
  role: "reasoner",
  trajectories: null,
  attribution: null,
  imitated: null,
  ...step,
  ...change,
});

/** A Reasoner step with some signs of collapse. */
export const sickStep = (signs: Partial<Health>, change: Partial<ReasonerStep> = {}): ReasonerStep =>
  reasonerStep({ health: { ...healthy, ...signs }, ...change });

const estimate = (percent: number): Estimate => ({ percent, low: percent - 4, high: percent + 3 });

/** What the base made of a round's questions, of which it answered so many percent right. */
export const coEvolution = (round: number, right: number | null): CoEvolution => ({
  ...{ type: "coEvolution", round, phase: "curriculum", answers: 8 },
  base: {
    ...{ questions: 200, confidence: estimate(91.5), judged: right === null ? null : 190 },
    accuracy: right === null ? null : estimate(right),
    majority: right === null ? null : estimate(right + 2),
  },
  reasoner: {
    ...{ questions: 200, confidence: estimate(94), judged: right === null ? null : 190 },
    accuracy: right === null ? null : estimate(right + 1),
    majority: right === null ? null : estimate(right + 3),
  },
  kinds:
    right === null
      ? {}
      : {
          sum: {
            questions: 40,
            confidence: estimate(80),
            judged: 40,
            accuracy: estimate(60.126),
            majority: null,
          },
        },
});

/** What passed the gate in a round, of which so many percent should not have. */
export const questionerAudited = (round: number, falseAccepts: number): QuestionerAudited => ({
  ...{ type: "questionerAudited", round, phase: "questioner", questions: 120, passed: 100, meaningless: 1 },
  ...{ wrong: falseAccepts - 1, falseAccepts: estimate(falseAccepts), reward: 0.2, auditedReward: 0.15 },
  unearned: estimate(25),
});

/** What second looks came to: shares by cause; `known` is whether descriptions could be judged. */
export function attributed({
  answers = 100,
  usable = 1,
  known = true,
  judged = known ? usable : 0,
  ...shares
}: Partial<
  Record<"answers" | "usable" | "judged" | "grounding" | "reasoning" | "fusion" | "unfaithful", number>
> & {
  readonly known?: boolean;
}): AttributionFigures {
  const causes = { grounding: 0, reasoning: 0, fusion: 0, unfaithful: 0, ...shares };
  const { grounding, reasoning, unfaithful } = causes;
  if (!known) {
    const nothing = { grounding: null, reasoning: null, fusion: null, unfaithful: null };
    return { answers, usable, judged, described: null, concluded: null, causes: nothing };
  }
  const described = 1 - grounding - unfaithful;
  return { answers, usable, judged, described, concluded: described - reasoning, causes };
}

/** What an evaluation came to, of which only the changes say something. */
export const evaluationReport = (change: Partial<EvaluationReport> = {}): EvaluationReport => ({
  samples: 8,
  overall: {} as never,
  families: {},
  attribution: null,
  looking: {},
  calibration: {},
  outcomes: null,
  ...change,
});

export const saved: EventBody = {
  ...{ type: "checkpointSaved", round: 1, id: "000001-round-1-reasoner-25" },
  ...{ bytes: 23e6, durationMs: 200 },
};

export const alarm: EventBody = {
  ...{ type: "alarm", round: 1, phase: "reasoner", name: "constantAnswer", step: 3 },
  ...{ value: 0.97, threshold: 0.9, window: 5, message: "one answer to everything" },
};

export const finished: EventBody = { type: "runFinished", rounds: 1, durationMs: 9000, updates: null };
