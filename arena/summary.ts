import { join } from "node:path";
import { replaceFile } from "../common/disk.ts";
import type {
  CoEvolution,
  Estimate,
  EvaluationReport,
  KindCount,
  PhaseFigures,
  PhaseFinished,
  RunEvent,
  RunFinished,
  Scores,
} from "../replay/events.ts";
import type { EventLog } from "../replay/log.ts";
import { type RoundFigure, roundFigures } from "../replay/round_figures.ts";
import { type Figure, named } from "../replay/scores.ts";
import { type ExaminedCauses, examinedCauses } from "./cause_estimates.ts";

/**
 * What a run came to, as `summary.json` says it. Figures are percentages, rewards are as they were; null where nobody
 * measured them.
 */
export interface Summary {
  /** Round 0 is the base. */
  readonly rounds: readonly RoundSummary[];
  readonly status: "running" | "finished" | "stopped" | "failed";
  /** The message of the error that ended a failed run. */
  readonly error: string | null;
  /** Samples per question of the evaluations. */
  readonly samples: number | null;
  /** Whether the Reasoner has learnt from a curriculum; null before the end, and where that was not recorded. */
  readonly taught: boolean | null;
  /** Images and prompts that were left out. */
  readonly failedRollouts: number;
  readonly durationMs: number | null;
}

export interface RoundSummary extends Readonly<Record<Figure, number | null>> {
  readonly round: number;
  /** The name of the stage that it belongs to. */
  readonly stage: string;
  /** Silver answers that are true, among those admitted in this round. */
  readonly silver: number | null;
  /** Questions that mean something, among those asked for the curriculum. */
  readonly meaningful: number | null;
  /** Items of the curriculum. */
  readonly admitted: number | null;
  /** Why it has none, else null. */
  readonly empty: string | null;
  /** What the cross-entropy on what an imitating stage holds out came to, natural log per token. */
  readonly heldOutLoss: number | null;
  /** Rewards, the curriculum's confidence and the share of answers to it that parsed: means over a phase's last steps. */
  readonly questionerReward: number | null;
  readonly reasonerReward: number | null;
  readonly confidence: number | null;
  readonly parsed: number | null;
  /** 95% intervals, [low, high]. */
  readonly intervals: Readonly<Partial<Record<Figure, readonly [number, number]>>>;
  readonly families: Readonly<Record<string, Readonly<Record<Figure, number>>>>;
  /** How right and sure the base and the Reasoner are of what was asked, and what passed the gate wrongly; without what nobody measured. */
  readonly asked: Readonly<Partial<Record<RoundFigure, Estimate>>>;
  /** The kinds of questions; none where nobody knows them. */
  readonly kinds: Readonly<Record<string, KindSummary>>;
  /** Whether the Reasoner looks, with 95% intervals; without what nobody measured. */
  readonly looking: EvaluationReport["looking"];
  /** How well chances of being right fit what is right, with 95% intervals; without what nobody said. */
  readonly calibration: EvaluationReport["calibration"];
  /** Where its answers went wrong, with 95% intervals; null where nobody looked. */
  readonly attribution: ExaminedCauses | null;
  /** Where the models of this round lie, by role, relative to the run's folder. */
  readonly models: Readonly<Record<string, string>> | null;
}

/** Questions of one kind: how many, and how right the base is with them, where it was asked. */
export interface KindSummary extends KindCount {
  readonly baseAccuracy: Estimate | null;
}

const figures: readonly Figure[] = [
  "greedy",
  "mean8",
  "mean8_t06",
  "maj8",
  "pass8",
  "blind",
  "abstention",
  "parseFailure",
];

export const emptySummary: Summary = {
  rounds: [],
  status: "running",
  error: null,
  samples: null,
  taught: null,
  failedRollouts: 0,
  durationMs: null,
};

/** The summary after one more event; the same object where the event changes nothing. */
export function summarize(summary: Summary, event: RunEvent): Summary {
  switch (event.type) {
    case "rolloutFailed":
      return { ...summary, failedRollouts: summary.failedRollouts + 1 };
    case "curriculumBuilt": {
      const { audit, admitted } = event;
      const silver = percent(audit?.silverCorrect);
      const kinds = Object.entries(audit?.kinds ?? {}).map(([kind, counts]) => {
        return [kind, { ...counts, baseAccuracy: null }] as const;
      });
      const counted = { silver, meaningful: percent(audit?.meaningful), admitted };
      return withRound(summary, event, { ...counted, kinds: Object.fromEntries(kinds) });
    }
    case "questionerAudited":
      return withAsked(summary, event);
    case "coEvolution":
      return withRound(withAsked(summary, event), event, { kinds: withBase(summary, event) });
    case "curriculumEmpty":
      return withRound(summary, event, { empty: event.message });
    case "phaseFinished":
      return Object.hasOwn(outcomes, event.phase) ? withRound(summary, event, outcomeOf(event)) : summary;
    case "evaluated": {
      const { report } = event;
      return { ...withRound(summary, event, figuresOf(report)), samples: report.samples };
    }
    case "supervisedStep": {
      const { heldOutLoss } = event;
      return heldOutLoss === null ? summary : withRound(summary, event, { heldOutLoss });
    }
    case "modelsSaved":
      return withRound(summary, event, { models: event.folders });
    case "runResumed":
      return { ...summary, status: "running", error: null, taught: null };
    case "runStopped":
      return { ...summary, status: "stopped" };
    case "runFinished":
      return {
        ...summary,
        status: "finished",
        durationMs: event.durationMs,
        taught: hasTaught(summary, event),
      };
    case "runFailed":
      return { ...summary, status: "failed", error: event.message };
    default:
      return summary;
  }
}

/** A log that also keeps `summary.json` in the run's folder up to date, before anyone sees the events. */
export function withSummary(log: EventLog, folder: string, known: Summary = emptySummary): EventLog {
  let summary = known;
  return {
    get position() {
      return log.position;
    },
    curriculum: (round, places) => log.curriculum(round, places),
    admittedQuestions: (images) => log.admittedQuestions(images),
    async append(events, images) {
      await log.append(events, images);
      summary = events.reduce(summarize, summary);
      if (!events.some(({ type }) => milestones.has(type))) return;
      await replaceFile(
        join(folder, "summary.json"),
        `${JSON.stringify(withFigureNames(summary), null, 2)}\n`,
      );
    },
  };
}

const milestones: ReadonlySet<RunEvent["type"]> = new Set([
  "evaluated",
  "modelsSaved",
  "runResumed",
  "runStopped",
  "runFinished",
  "runFailed",
]);

function withRound(summary: Summary, at: Round, known: Partial<RoundSummary>): Summary {
  const before = summary.rounds.find(({ round }) => round === at.round) ?? emptyRound(at);
  const others = summary.rounds.filter((each) => each !== before);
  const rounds = [...others, { ...before, ...known }].sort((a, b) => a.round - b.round);
  return { ...summary, rounds };
}

/** With what an event says of the questions of its round. */
function withAsked(summary: Summary, event: RunEvent & Round): Summary {
  const { asked = {} } = summary.rounds.find(({ round }) => round === event.round) ?? {};
  return withRound(summary, event, { asked: { ...asked, ...rounded(roundFigures(event)) } });
}

/** The round's kinds of questions with what the base made of them. */
function withBase({ rounds }: Summary, { round, kinds }: CoEvolution): RoundSummary["kinds"] {
  const counted = rounds.find((each) => each.round === round)?.kinds ?? {};
  const entries = Object.entries(counted).map(([kind, counts]) => {
    const accuracy = kinds[kind]?.accuracy ?? null;
    return [kind, { ...counts, baseAccuracy: accuracy && roundedOne(accuracy) }] as const;
  });
  return Object.fromEntries(entries);
}

type Round = Pick<RoundSummary, "round" | "stage">;

function emptyRound({ round, stage }: Round): RoundSummary {
  const nothing = Object.fromEntries(figures.map((name) => [name, null])) as Record<Figure, null>;
  return {
    round,
    stage,
    ...nothing,
    silver: null,
    meaningful: null,
    admitted: null,
    empty: null,
    heldOutLoss: null,
    questionerReward: null,
    reasonerReward: null,
    confidence: null,
    parsed: null,
    intervals: {},
    families: {},
    asked: {},
    kinds: {},
    looking: {},
    calibration: {},
    attribution: null,
    models: null,
  };
}

function figuresOf(report: EvaluationReport): Partial<RoundSummary> {
  const { overall, families, looking, calibration } = report;
  const byFamily = Object.entries(families).map(([family, scores]) => [family, percentages(scores)]);
  const intervals = figures.map((name) => {
    const { low, high } = overall[name];
    return [name, [toHundredths(low), toHundredths(high)]];
  });
  const causes = examinedCauses(report);
  return {
    ...percentages(overall),
    intervals: Object.fromEntries(intervals),
    families: Object.fromEntries(byFamily),
    looking: rounded(looking),
    calibration: rounded(calibration),
    attribution: causes && {
      overall: rounded(causes.overall),
      families: Object.fromEntries(
        Object.entries(causes.families).map(([family, estimates]) => [family, rounded(estimates)]),
      ),
    },
  };
}

/** Estimates by name, to hundredths. */
function rounded<E extends object>(estimates: E): E {
  const entries = Object.entries<Estimate>(estimates as never);
  return Object.fromEntries(entries.map(([name, estimate]) => [name, roundedOne(estimate)])) as E;
}

function roundedOne({ percent, low, high }: Estimate): Estimate {
  return { percent: toHundredths(percent), low: toHundredths(low), high: toHundredths(high) };
}

function percentages(scores: Scores): Record<Figure, number> {
  const entries = figures.map((name) => [name, toHundredths(scores[name].percent)]);
  return Object.fromEntries(entries) as Record<Figure, number>;
}

/** What the figures of phases say of their round. */
const outcomes: Readonly<Record<string, (figures: PhaseFigures) => Partial<RoundSummary>>> = {
  questioner: ({ reward }) => ({ questionerReward: reward === null ? null : toHundredths(reward) }),
  curriculum: ({ confidence, parsed }) => ({ confidence: percent(confidence), parsed: percent(parsed) }),
  reasoner: ({ reward }) => ({ reasonerReward: reward === null ? null : toHundredths(reward) }),
  grpo: ({ reward }) => ({ reasonerReward: reward === null ? null : toHundredths(reward) }),
};

function outcomeOf({ phase, figures }: PhaseFinished): Partial<RoundSummary> {
  return (figures && outcomes[phase]?.(figures)) ?? {};
}

/** A warm-up takes optimiser steps, too; where every round had an empty curriculum, nothing else did. */
function hasTaught({ rounds }: Summary, { updates }: RunFinished): boolean | null {
  if (!updates) return null;
  const played = rounds.filter(({ round }) => round > 0);
  const allEmpty = played.length > 0 && played.every(({ empty }) => empty !== null);
  return (updates.reasoner ?? 0) > 0 && !allEmpty;
}

/** A summary whose figures have the names that the table gives them: mean2 where a question had two samples. */
function withFigureNames({ rounds, ...summary }: Summary): object {
  const { samples } = summary;
  if (samples === null) return { rounds, ...summary };
  const rename = (figuresByName: object) => named(figuresByName as Record<string, unknown>, samples);
  const renamed = rounds.map(({ intervals, families, ...round }) => ({
    ...rename(round),
    intervals: rename(intervals),
    families: Object.fromEntries(Object.entries(families).map(([name, each]) => [name, rename(each)])),
  }));
  return { rounds: renamed, ...summary };
}

function percent(share: number | null | undefined): number | null {
  return share == null ? null : toHundredths(100 * share);
}

/** To hundredths. */
function toHundredths(value: number): number {
  return Math.round(100 * value) / 100;
}
