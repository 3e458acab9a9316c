import type { Alarm, CurriculumBuilt, RunEvent, RunResumed, RunStarted } from "../replay/events.ts";
import type { FollowedMilestones } from "../replay/milestones.ts";
import type { ReplayReader } from "../replay/reader.ts";
import type { RecordedEvent } from "../replay/restore.ts";
import { roundFigures } from "../replay/round_figures.ts";
import type { EpisodeCount, FigureRange } from "../replay/survey.ts";
import type { ReplayState } from "../replay/writer.ts";
import type { AskedRound, Evaluation, Mark, Overview, RunAbout } from "./answers.ts";
import { Damage } from "./damage.ts";
import { spansOf } from "./phase_spans.ts";
import { seriesOf } from "./step_series.ts";

/** Steps and checkpoints of a run that are shown, at most. */
const SHOWN_STEPS = 1500;
const SHOWN_CHECKPOINTS = 200;

/** The part of `Overview` that the replay knows. */
export type Told = Omit<Overview, "line" | "exporting"> & { readonly about: RunAbout };

/** What a run came to so far. */
export function overviewOf(reader: ReplayReader): Told {
  return new FollowedOverview(reader).tell();
}

/** What a run came to, told again and again while it goes on: each time only what came since is read. */
export class FollowedOverview {
  readonly #reader: ReplayReader;
  #known: Known;

  constructor(reader: ReplayReader) {
    this.#reader = reader;
    this.#known = nothing(reader, reader.state.attempt);
  }

  tell(): Told {
    const { attempt } = this.#reader.state;
    // A resume changes what counts of all that came before.
    if (attempt !== this.#known.state.attempt) this.#known = nothing(this.#reader, attempt);
    this.#known = lookedAt(this.#reader, this.#known);
    return toldBy(this.#known);
  }
}

/** What was read of a run up to a state. */
interface Known {
  readonly state: ReplayState;
  readonly milestones: FollowedMilestones;
  readonly counts: readonly EpisodeCount[];
  readonly figures: readonly FigureRange[];
  readonly damage: Damage;
}

function nothing(reader: ReplayReader, attempt: number): Known {
  const damage = new Damage();
  const milestones = reader.followMilestones({
    steps: SHOWN_STEPS,
    checkpoints: SHOWN_CHECKPOINTS,
    superseded: "include",
    onDamage: (event, { message }) => damage.event(event, message),
  });
  return { state: { position: 0, attempt }, milestones, counts: [], figures: [], damage };
}

function lookedAt(reader: ReplayReader, known: Known): Known {
  const { milestones, damage } = known;
  const after = known.state.position;
  const found = damage.unless(() => reader.countsSince({ event: after, counts: known.counts }));
  const figures = damage.unless(() => reader.figures(after));
  const lost = damage.unless(() => reader.lostEpisodes(after));
  for (const episode of lost ?? []) damage.episode(episode);
  return {
    milestones,
    damage,
    state: found?.state ?? reader.state,
    counts: found?.counts ?? known.counts,
    figures: figures ? joined(known.figures, figures) : known.figures,
  };
}

/** The ranges of figures before an event and after it as one; `after` names all that there are by then. */
function joined(before: readonly FigureRange[], after: readonly FigureRange[]): readonly FigureRange[] {
  const keyOf = ({ stage, phase, role, type, name }: FigureRange) =>
    JSON.stringify([stage, phase, role, type, name]);
  const known = new Map(before.map((range) => [keyOf(range), range]));
  return after.map((range) => {
    const earlier = known.get(keyOf(range));
    if (!earlier) return range;
    return { ...range, min: Math.min(range.min, earlier.min), max: Math.max(range.max, earlier.max) };
  });
}

function toldBy({ state, milestones, counts, figures, damage }: Known): Told {
  const events = milestones.upTo(state);
  const valid = events.filter(({ superseded }) => !superseded).map(({ event }) => event);
  const begun = valid.findLast(isBeginning);
  const evaluations = events.flatMap(evaluationOf);
  return {
    about: aboutOf(valid, evaluations, counts, state),
    config: begun?.config ?? null,
    release: begun?.release ?? null,
    spans: spansOf(events),
    marks: events.flatMap(markOf),
    alarms: valid.filter((event): event is RunEvent & Alarm => event.type === "alarm"),
    curricula: valid.filter((event): event is RunEvent & CurriculumBuilt => event.type === "curriculumBuilt"),
    asked: askedRounds(valid),
    steps: seriesOf(events),
    counts,
    figures,
    damage: damage.found,
  };
}

/** What events say of what each round asked. */
function askedRounds(events: readonly RunEvent[]): AskedRound[] {
  const rounds = new Map<number, AskedRound>();
  for (const event of events) {
    if (event.type !== "questionerAudited" && event.type !== "coEvolution") continue;
    const { round } = event;
    const { figures = {}, kinds = {} } = rounds.get(round) ?? {};
    rounds.set(round, {
      round,
      figures: { ...figures, ...roundFigures(event) },
      kinds: event.type === "coEvolution" ? event.kinds : kinds,
    });
  }
  return [...rounds.values()];
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
  events: readonly RunEvent[],
  evaluations: readonly Evaluation[],
  counts: readonly EpisodeCount[],
  { position }: ReplayState,
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
    position,
  };
}

/** Phases that end with a better Reasoner. */
const teaching: readonly string[] = ["reasoner", "grpo", "environment", "sft"];

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
  // The page shows no question of an evaluation.
  return [{ event: id, round: event.round, report: { ...event.report, outcomes: null } }];
}

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
