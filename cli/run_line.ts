import type { RunConfig } from "../arena/config/config.ts";
import type { ActivityKind, ActivityView } from "../policy/embedded/activity.ts";
import type { RunEvent } from "../replay/events.ts";
import { type Role, roles } from "../replay/self_play.ts";
import { type Standing, type StandingTrajectories, Tracker } from "../watch/tracker.ts";
import { count, duration, plural } from "./format.ts";
import { notice } from "./notice.ts";
import { Skipped } from "./skipped.ts";
import { UnreadQuestions } from "./unread.ts";

/** What each policy is at, where that is known. */
export type Activities = Readonly<Partial<Record<Role, Pick<ActivityView, "now">>>>;

/** A step that takes longer than this has its own progress shown. */
const LONG_MS = 5000;

const anyRole = { encoding: "looking at tiles", scoring: "scoring", updating: "updating" };
const words: Readonly<Record<Role, Readonly<Record<ActivityKind, string>>>> = {
  questioner: { ...anyRole, sampling: "asking" },
  reasoner: { ...anyRole, sampling: "answering" },
};

/** Where a run stands, from its events, in words. */
export class RunLine {
  readonly #tracker: Tracker;
  readonly #activities: Activities;
  /** What the run is measured on. */
  readonly #tests: string;
  /** When the last event came, by the run's clock. */
  #newsAtMs = 0;
  readonly #unread = new UnreadQuestions();
  readonly #skipped = new Skipped();
  #waitsFor: string | null = null;

  constructor(config: RunConfig, activities: Activities = {}) {
    this.#tracker = new Tracker(config);
    this.#tests = config.evaluation.data ?? "held-out scenes";
    this.#activities = activities;
  }

  /** Takes an event and gives the line to keep for it, if it deserves one. */
  apply(event: RunEvent): string | undefined {
    this.#tracker.apply(event);
    this.#newsAtMs = event.atMs;
    const standing = this.#tracker.standing(event.atMs);
    const skipped = this.#skipped.apply(event);
    if (event.type !== "phaseFinished" || !standing)
      return skipped ?? this.#unread.apply(event) ?? notice(event, this.#tests);
    const took = [...place(standing), `took ${duration(event.durationMs)}`, ...figures(standing)].join(" · ");
    return skipped === undefined ? took : `${skipped}\n${took}`;
  }

  /** Learns for what the run waits, and, by null, that it goes on. */
  wait(reason: string | null): void {
    this.#waitsFor = reason;
  }

  /** Where the run stands at a moment of its clock, in one line. */
  line(nowMs: number): string {
    if (this.#waitsFor) return this.#waitsFor;
    const standing = this.#tracker.standing(nowMs);
    if (!standing) return "starting";
    return standingLine(standing, this.activity(nowMs));
  }

  /**
   * What the policies are at, both together where that is the same: "answering 310/1,280 (45,310 tokens)". Nothing before
   * a step takes long.
   */
  activity(nowMs: number): string[] {
    if (nowMs - this.#newsAtMs <= LONG_MS) return [];
    const sums = new Map<string, { done: number; total: number; tokens: number }>();
    for (const role of roles) {
      const now = this.#activities[role]?.now;
      if (!now) continue;
      const word = words[role][now.kind];
      const { done, total, tokens } = sums.get(word) ?? { done: 0, total: 0, tokens: 0 };
      sums.set(word, { done: done + now.done, total: total + now.total, tokens: tokens + now.tokens });
    }
    return [...sums].map(([word, { done, total, tokens }]) => {
      const sampled = tokens > 0 ? ` (${plural(tokens, "token")})` : "";
      return `${word} ${count(done)}/${count(total)}${sampled}`;
    });
  }

  /** Where the run stood when it ended too early; undefined before its first phase. */
  lastLine(nowMs: number): string | undefined {
    const standing = this.#tracker.standing(nowMs);
    return standing ? standingLine(standing, null) : undefined;
  }
}

/**
 * Phase, step, what is being done in it, time left, reward, confidence, how trajectories go and tokens per second: the last are left
 * out first.
 * `activity` is null where a run does not go on: then there is no time left either.
 */
export function standingLine(standing: Standing, activity: readonly string[] | null): string {
  const { step, steps, remainingMs } = standing;
  const progress = steps > 1 ? [`step ${step}/${steps}`] : [];
  const eta = remainingMs === null ? "ETA …" : `ETA ${duration(remainingMs)}`;
  return [
    ...place(standing),
    ...progress,
    ...(activity ? [...activity, eta] : []),
    ...figures(standing),
  ].join(" · ");
}

function place({ round, rounds, phase }: Standing): string[] {
  return [round === 0 ? "base" : `round ${round}/${rounds}`, phase];
}

function figures({ tokensPerSecond, reward, confidence, trajectories, causes }: Standing): string[] {
  const figure = (name: string, value: number | null) =>
    value === null || Number.isNaN(value) ? [] : [`${name} ${value.toFixed(2)}`];
  return [
    ...figure("reward", reward),
    ...figure("confidence", confidence),
    ...(trajectories ? trajectoryTexts(trajectories) : []),
    ...(tokensPerSecond === null ? [] : [`${count(tokensPerSecond)} tokens/s`]),
    ...commonestCause(causes ?? {}),
  ];
}

/** Where most answers went wrong; nothing where none did. */
function commonestCause(causes: NonNullable<Standing["causes"]>): string[] {
  const shares = Object.entries(causes).map(([cause, share]) => [cause, share ?? 0] as const);
  const [cause, share] = shares.reduce((a, b) => (b[1] > a[1] ? b : a), ["", 0]);
  return share > 0 ? [`${cause} ${(100 * share).toFixed(0)}%`] : [];
}

/** Turns, where there are several; what was unfinished, and faults, where there are any. */
function trajectoryTexts({ turns, unfinished, faults }: StandingTrajectories): string[] {
  return [
    ...(turns > 1 ? [`${turns.toFixed(1)} turns`] : []),
    ...(unfinished > 0 ? [`${(100 * unfinished).toFixed(0)}% unfinished`] : []),
    ...(faults > 0 ? [plural(faults, "fault")] : []),
  ];
}
