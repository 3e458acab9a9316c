import { VisplayError } from "../common/errors.ts";
import { Checksum } from "./checksum.ts";
import { episodeOf, expectCount } from "./episode_records.ts";
import type { EpisodeEvent, RunEvent } from "./events.ts";
import { modernize, type StoredBody } from "./modernize.ts";
import { PLACES } from "./schema.ts";
import { type Database, numbers, type Row, utf8 } from "./sqlite.ts";

/** One event as it was appended, and where it stands. */
export interface RecordedEvent {
  /** Its number, counted from 1. */
  readonly id: number;
  readonly attempt: number;
  /** Whether the run was resumed from before it. */
  readonly superseded: boolean;
  readonly event: RunEvent;
}

/** Reads one event, whole. Undefined where there is none; throws "damaged" where it cannot be decoded. */
export function restoreEvent(database: Database, id: number): RecordedEvent | undefined {
  return restoreEpisode(database, id) ?? restoreOther(database, id);
}

/** Reads one episode, whole; undefined where the event is none. */
export function restoreEpisode(
  database: Database,
  id: number,
): (RecordedEvent & { readonly event: EpisodeEvent }) | undefined {
  return named(id, () => {
    const row = database.prepare(episodeSql).get([id]);
    return row && { ...place(row), event: episodeEvent(database, id, row) };
  });
}

/** Without the columns that SQLite takes from the body, which fail where that is damaged. */
const eventSql = `
  SELECT e.id, ${numbers("e.attempt", "e.superseded", "e.at_ms", "c.crc32")}, ${utf8("e.type", "e.body")}
  FROM events e LEFT JOIN checksums c ON c.event = e.id WHERE e.id = ?`;
const episodeSql = `
  SELECT e.id, ${numbers("e.attempt", "e.superseded", "e.at_ms", "e.phase", "e.round", "e.step")},
    ${numbers("e.questioner_version", "e.reasoner_version", "e.rollouts", "e.answers", "e.reward")},
    ${numbers("e.advantage", "e.confidence", "e.length", "e.truncated", "e.view")},
    ${utf8("e.question", "e.label", "e.versions", "e.turns", "t.tools AS tools_text", "i.content", "i.name")},
    ${utf8("p.text AS prompt_text")},
    ${utf8("f.stage", "f.name AS phase_name", "f.role", "f.type")}, ${numbers("f.crc32 AS phase_crc32")},
    ${numbers("p.templated", "i.position", "c.crc32")}
  FROM episodes e LEFT JOIN prompts p ON p.id = e.prompt LEFT JOIN images i ON i.id = e.image
    LEFT JOIN phases f ON f.id = e.phase LEFT JOIN checksums c ON c.event = e.id
    LEFT JOIN tool_sets t ON t.id = e.tools
  WHERE e.id = ?`;
const rolloutsSql = `
  SELECT r.id, ${numbers("r.tokens", "r.log_probs", "r.truncated", "r.reward", "r.advantage", "r.outcome")},
    ${numbers("r.reference_log_probs")},
    ${numbers("r.confidence", "r.abstentions", "r.parse_failures", "r.samples", "r.verified", "r.solution")},
    ${utf8("r.text", "r.parts", "r.checks", "r.vote", "r.failure", "r.question", "r.own_answer")},
    ${utf8("r.silver", "r.votes", "r.rejection", "r.label", "r.trajectory", "r.attribution", "r.described")},
    ${utf8("p.names AS parts_names", "c.names AS checks_names")}
  FROM rollouts r LEFT JOIN shapes p ON p.id = r.parts_shape LEFT JOIN shapes c ON c.id = r.checks_shape
  WHERE r.id >= ? AND r.id < ? ORDER BY r.id`;
const answersSql = `
  SELECT id, ${numbers("rollout", "blind", "tokens", "log_probs", "truncated", "outcome", "verified")},
    ${utf8("text", "vote", "failure", "trajectory")}
  FROM answers WHERE id >= ? AND id < ? ORDER BY id`;

/** Reads one event that is no episode; undefined where the number is of none. */
export function restoreOther(database: Database, id: number): RecordedEvent | undefined {
  return named(id, () => {
    const row = database.prepare(eventSql).get([id]);
    return row && otherEvent(row);
  });
}

/** Says which event it is that cannot be read. */
function named<T>(id: number, restore: () => T): T {
  try {
    return restore();
  } catch (cause) {
    const { message } = cause as Error;
    if (cause instanceof VisplayError && cause.code === "run") {
      throw new VisplayError("run", `event ${id}: ${message}`, { cause });
    }
    throw new VisplayError("damaged", `event ${id} is damaged: ${message}`, { cause });
  }
}

function place(row: Row): Omit<RecordedEvent, "event"> {
  return { id: row.id as number, attempt: row.attempt as number, superseded: row.superseded === 1 };
}

function otherEvent(row: Row): RecordedEvent {
  const body = JSON.parse(row.body as string) as StoredBody;
  expectChecksum(new Checksum().add("events", row), row);
  const event = { atMs: row.at_ms as number, ...modernize(row.type as string, body) };
  return { ...place(row), event };
}

function episodeEvent(database: Database, id: number, row: Row): EpisodeEvent {
  const range = [id * PLACES, (id + 1) * PLACES];
  const rollouts = database.prepare(rolloutsSql).all(range);
  const answers = database.prepare(answersSql).all(range);
  expectCount("rollouts", rollouts.length, row.rollouts);
  expectCount("answers", answers.length, row.answers);
  const event = episodeOf(row, rollouts, answers);
  const phase = { id: row.phase, stage: row.stage, name: row.phase_name, role: row.role, type: row.type };
  expectChecksum(new Checksum().add("phases", phase as Row), { crc32: row.phase_crc32 } as Row);
  const checksum = new Checksum().add("episodes", row);
  for (const rollout of rollouts) checksum.add("rollouts", rollout);
  for (const each of answers) checksum.add("answers", each);
  expectChecksum(checksum, row);
  return event;
}

/** Older records have no checksum. */
function expectChecksum({ value }: Checksum, { crc32 }: Row): void {
  if (crc32 === null || crc32 === value) return;
  throw new VisplayError("damaged", "it is not as it was written: its checksum differs");
}
