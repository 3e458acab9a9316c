import { VisplayError } from "../common/errors.ts";
import { idsBetween, lastEvent, lostIds, readable, stretches, tolerant } from "./damage.ts";
import { type RecordedEvent, restoreOther } from "./restore.ts";
import { rareEvents, stepEvents, stepTypes } from "./schema.ts";
import { type Database, utf8 } from "./sqlite.ts";
import type { ReplayState } from "./writer.ts";

/** Which events are given beside the rare ones. */
export interface MilestoneOptions {
  /** How many steps, and checkpoints, at most. */
  readonly steps?: number;
  readonly checkpoints?: number;
  /** Superseded events are left out by default. */
  readonly superseded?: "exclude" | "include";
  /** Told of an event that cannot be read; without it, such an event ends the reading. */
  readonly onDamage?: (id: number, error: Error) => void;
}

/** Every rare event, in order, and no more than so many steps and checkpoints, as far apart as they can be. */
export function restoreMilestones(database: Database, options: MilestoneOptions): Generator<RecordedEvent> {
  return milestonesAfter(database, 0, lastEvent(database), options);
}

/** The milestones of a run that is looked at again and again: only those are read that came since the last time. */
export class FollowedMilestones {
  readonly #database: Database;
  readonly #options: MilestoneOptions;
  #seen: ReplayState = { position: 0, attempt: 0 };
  #events: readonly RecordedEvent[] = [];

  constructor(database: Database, options: MilestoneOptions) {
    this.#database = database;
    this.#options = options;
  }

  /** Those up to a state. */
  upTo(state: ReplayState): readonly RecordedEvent[] {
    // A resume changes what counts of all that came before.
    const isSame = state.attempt === this.#seen.attempt;
    const after = isSame ? this.#seen.position : 0;
    const news = milestonesAfter(this.#database, after, state.position, this.#options);
    const events = [...(isSame ? this.#events : []), ...news];
    this.#events = apart(events, ({ event }) => event.type, state.position, this.#options);
    this.#seen = state;
    return this.#events;
  }
}

function* milestonesAfter(
  database: Database,
  after: number,
  end: number,
  options: MilestoneOptions,
): Generator<RecordedEvent> {
  for (const id of milestoneIds(database, after, end, options)) {
    const event = tolerant(() => restoreOther(database, id));
    if (!(event instanceof VisplayError)) {
      if (event) yield event;
    } else if (options.onDamage) options.onDamage(id, event);
    else throw event;
  }
}

function milestoneIds(
  database: Database,
  after: number,
  end: number,
  options: MilestoneOptions,
): readonly number[] {
  const found = tolerant(() => indexedIds(database, after, end, options));
  if (!(found instanceof VisplayError)) return found;
  if (!options.onDamage || found.code !== "damaged") throw found;
  for (const id of lostIds(database, "events", after + 1)) options.onDamage(id, found);
  return readableIds(database, after, end, options);
}

/** Of rare events, which are gone through one stretch after the other. */
const STRETCH = 16_384;

/** Looks for a step in as many stretches as there may be steps, since nothing says where these are. */
function indexedIds(database: Database, after: number, end: number, options: MilestoneOptions): number[] {
  const { steps = 0, checkpoints = 0 } = options;
  const found = function* (condition: string, length: number, most: number): Generator<number> {
    const sql = `SELECT id FROM events WHERE id > ? AND id <= ? AND ${condition} AND ${counting(options)}
      ORDER BY id LIMIT ${most}`;
    const statement = database.prepare(sql);
    for (let first = after - (after % length); first < end; first += length)
      for (const { id } of statement.all<{ id: number }>([
        Math.max(first, after),
        Math.min(first + length, end),
      ]))
        yield id;
  };
  return [
    ...found(rareEvents, STRETCH, -1),
    ...(steps > 0 ? found(stepEvents, stretchOf(end, steps), 1) : []),
    ...(checkpoints > 0 ? found("type = 'checkpointSaved'", stretchOf(end, checkpoints), 1) : []),
  ].sort((a, b) => a - b);
}

/** The same, from whatever can be read of the table, without its indexes. */
function readableIds(database: Database, after: number, end: number, options: MilestoneOptions): number[] {
  const sql = `SELECT id, ${utf8("type")} FROM events NOT INDEXED
    WHERE ${counting(options)} AND ${idsBetween}`;
  const statement = database.prepare(sql);
  const rows = [...stretches(after + 1, end)].flatMap((ids) =>
    readable(
      ids,
      (some) => statement.all<{ id: number; type: string }>([some[0] as number, some.at(-1) as number]),
      () => [],
    ),
  );
  return apart(rows, ({ type }) => type, end, options).map(({ id }) => id);
}

function counting({ superseded = "exclude" }: MilestoneOptions): string {
  return superseded === "exclude" ? "superseded = 0" : "true";
}

/** How many events follow each other for each that is taken; it only ever doubles while a run goes on. */
function stretchOf(end: number, most: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(end / most)));
}

/** Of steps and checkpoints the first of each stretch, and all others. */
function apart<T extends { readonly id: number }>(
  events: readonly T[],
  typeOf: (event: T) => string,
  end: number,
  { steps = 0, checkpoints = 0 }: MilestoneOptions,
): readonly T[] {
  const last = { step: -1, checkpoint: -1 };
  const isFirst = (kind: "step" | "checkpoint", { id }: T, most: number) => {
    if (most === 0) return false;
    const stretch = Math.floor((id - 1) / stretchOf(end, most));
    const isNew = stretch > last[kind];
    last[kind] = stretch;
    return isNew;
  };
  return events.filter((event) => {
    const type = typeOf(event);
    if (stepTypes.includes(type)) return isFirst("step", event, steps);
    return type === "checkpointSaved" ? isFirst("checkpoint", event, checkpoints) : true;
  });
}
