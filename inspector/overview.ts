import type { Alarm, CurriculumBuilt, RunEvent, RunResumed, RunStarted } from "../replay/events.ts";
import type { ReplayReader } from "../replay/reader.ts";
import type { RecordedEvent } from "../replay/restore.ts";
import type { Evaluation, Mark, Overview, PhaseSpan, RunAbout, StepSeries } from "./answers.ts";

/** Steps and checkpoints of a run that are shown, at most. */
const SHOWN_STEPS = 1500;
const SHOWN_CHECKPOINTS = 200;

type StepEvent = Extract<RunEvent, { readonly health: unknown } | { readonly heldOutLoss: unknown }>;

/** The part of `Overview` that the replay knows. */
export type Told = Omit<Overview, "line" | "exporting"> & { readonly about: RunAbout };

/** What a run came to so far, from its events. */
export function overviewOf(reader: ReplayReader): Told {
  const damage: { event: number; reason: string }[] = [];
  const events = [
    ...reader.milestones({
      steps: SHOWN_STEPS,
      checkpoints: SHOWN_CHECKPOINTS,
      superseded: "include",
      onDamage: (event, { message }) => damage.push({ event, reason: message }),
    }),
  ];
  const valid = events.filter(({ superseded }) => !superseded).map(({ event }) => event);
  const begun = valid.findLast(isBeginning);
  const counts = reader.counts();
  const evaluations = events.flatMap(evaluationOf);
  return {
    about: aboutOf(reader, valid, evaluations, counts),
    config: begun?.config ?? null,
    release: begun?.release ?? null,
    spans: spansOf(events),
    marks: events.flatMap(markOf),
    alarms: valid.filter((event): event is RunEvent & Alarm => event.type === "alarm"),
    curricula: valid.filter((event): event is RunEvent & CurriculumBuilt => event.type === "curriculumBuilt"),
    steps: seriesOf(events),
    counts,
    figures: reader.figures(),
    damage,
  };
}

/** The configuration that a run began, or last went on, with; null where none can be read. */
export function configOf(reader: ReplayReader): unknown {
  const begun = [...reader.milestones({ onDamage: () => {} })]
    .map(({ event }) => event)
    .findLast(isBeginning);
  return begun?.config ?? null;
}

function isBeginning(event: RunEvent): event is RunEvent & (RunStarted | RunResumed) {
  return event.type === "runStarted" || event.type === "runResumed";
}

function aboutOf(
  reader: ReplayReader,
  events: readonly RunEvent[],
  evaluations: readonly Evaluation[],
  counts: Overview["counts"],
): RunAbout {
  const started = events.find((event) => event.type === "runStarted");
  const played = events.flatMap((event) =>
    event.type === "phaseFinished" && teaching.includes(event.phase) ? event.round : [],
  );
  return {
    startedMs: events[0]?.atMs ?? 0,
    lastMs: events.at(-1)?.atMs ?? 0,
    rounds: Math.max(0, ...played),
    planned: plannedRounds(started?.config),
    images: started?.images ?? 0,
    models: started?.models ?? null,
    episodes: counts.reduce((sum, each) => sum + (each.superseded ? 0 : each.episodes), 0),
    evaluations,
    position: reader.state.position,
  };
}

/** Phases that end with a better Reasoner. */
const teaching: readonly string[] = ["reasoner", "grpo", "sft"];

/** The rounds of all stages; null where nothing says how many. */
function plannedRounds(config: unknown): number | null {
  const { rounds = null, stages = [{ kind: "self_play" }] } = (config ?? {}) as {
    readonly rounds?: number;
    readonly stages?: readonly { readonly kind: string; readonly rounds?: number | null }[];
  };
  const own = stages.map((stage) => (stage.kind === "self_play" ? (stage.rounds ?? rounds) : 1));
  return own.reduce<number | null>((sum, each) => (sum === null || each === null ? null : sum + each), 0);
}

function evaluationOf({ id, superseded, event }: RecordedEvent): Evaluation[] {
  if (event.type !== "evaluated" || superseded) return [];
  return [{ event: id, round: event.round, report: event.report }];
}

/**
 * Phases as they were played: one that was resumed in its middle, or is superseded from there on, in two stretches; what was
 * cut short ends with the last that was heard of its attempt.
 */
function spansOf(events: readonly RecordedEvent[]): PhaseSpan[] {
  const spans: Mutable<PhaseSpan>[] = [];
  const lastHeard = new Map<number, number>();
  /** The phase that each attempt is in. */
  const open = new Map<number, Mutable<PhaseSpan>>();
  const end = (attempt: number, endedMs: number) => {
    const span = open.get(attempt);
    if (span) span.endedMs = endedMs;
    open.delete(attempt);
  };
  const begin = (
    { id, attempt, superseded }: RecordedEvent,
    of: Pick<PhaseSpan, "round" | "phase">,
    startedMs: number,
    steps: number,
  ) => {
    end(attempt, startedMs);
    const { round, phase } = of;
    const span = { event: id, attempt, superseded, round, phase, startedMs, endedMs: null, steps };
    spans.push(span);
    open.set(attempt, span);
  };
  for (const recorded of events) {
    const { attempt, superseded, event } = recorded;
    const beforeMs = lastHeard.get(attempt) ?? event.atMs;
    lastHeard.set(attempt, event.atMs);
    if (event.type === "phaseStarted") begin(recorded, event, event.atMs, event.steps);
    else if ("health" in event || event.type === "phaseFinished") {
      const current = open.get(attempt);
      if (current?.phase !== event.phase || current.superseded !== superseded) {
        const planned = spans.findLast(({ round, phase }) => round === event.round && phase === event.phase);
        begin(recorded, event, beforeMs, planned?.steps ?? 0);
      }
    }
    if (event.type === "phaseFinished" || event.type === "runStopped") end(attempt, event.atMs);
  }
  const newest = Math.max(...lastHeard.keys());
  for (const attempt of [...open.keys()])
    if (attempt < newest) end(attempt, lastHeard.get(attempt) as number);
  return spans;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function markOf({ id, attempt, event }: RecordedEvent): Mark[] {
  const place = { round: null, phase: null, step: null, ...placeOf(event) };
  const mark = (kind: Mark["kind"], text: string): Mark[] => [
    { event: id, attempt, kind, atMs: event.atMs, ...place, text },
  ];
  switch (event.type) {
    case "alarm":
      return mark("alarm", event.message);
    case "curriculumEmpty":
      return mark("empty", event.message);
    case "checkpointSaved":
      return mark("checkpoint", `checkpoint ${event.id}`);
    case "runResumed":
      return mark("resumed", `resumed from checkpoint ${event.checkpoint}`);
    case "runStopped":
      return mark("stopped", "stopped");
    case "runFinished":
      return mark("finished", "finished");
    case "runFailed":
      return mark("failed", event.message);
    default:
      return [];
  }
}

function placeOf(event: RunEvent): Partial<Pick<Mark, "round" | "phase" | "step">> {
  return {
    ...("round" in event && { round: event.round }),
    ...("phase" in event && { phase: event.phase }),
    ...("step" in event && { step: event.step }),
  };
}

function seriesOf(events: readonly RecordedEvent[]): StepSeries[] {
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
  const named = (kind: string, values: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [`${kind}:${name}`, value]));
  return {
    ...(training && {
      reward: training.meanReward,
      length: training.meanTokens,
      truncated: training.truncatedShare,
      taught: training.groups > 0 ? 1 - training.droppedGroups / training.groups : null,
    }),
    ...(update && {
      kl: update.kl,
      gradientNorm: update.gradientNorm,
      loss: update.loss,
      clipFraction: update.clipFraction,
      learningRate: update.learningRate,
    }),
    ...("meanConfidence" in event && { confidence: event.meanConfidence }),
    ...("admitted" in event && event.questions > 0 && { admitted: event.admitted / event.questions }),
    ...("heldOutLoss" in event && { heldOutLoss: event.heldOutLoss }),
    ...(health && {
      entropy: health.answerEntropy,
      parseFailures: health.parseFailures,
      abstentions: health.abstentions,
      clusterShare: health.clusterShare,
    }),
    tokensPerSecond: durationMs > 0 ? sampledTokens / (durationMs / 1000) : null,
    ...("checks" in event && named("check", event.checks)),
    ...("parts" in event && named("part", event.parts)),
  };
}
