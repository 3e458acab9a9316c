import { VisplayError } from "../common/errors.ts";
import { Checksum } from "./checksum.ts";
import { phases } from "./dictionary.ts";
import { decodeLogProbs, decodeTokens, filledPrompt } from "./encoding.ts";
import { outcomes } from "./episode_rows.ts";
import {
  type AnswerRecord,
  type CheckRecord,
  type CompletionRecord,
  type CurriculumQuestion,
  type EpisodeEvent,
  type QuestionRecord,
  REPLAY_VERSION,
  type ReasonerRollout,
  type RunEvent,
  type VerdictRecord,
} from "./events.ts";
import { PLACES, rareEvents, stepEvents } from "./schema.ts";
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

/** The last event that anything tells of: where the end of one table is damaged, others still name it. */
export function lastEvent(database: Database): number {
  const sources = [
    "SELECT max(id) FROM events",
    "SELECT max(id) FROM episodes",
    "SELECT CAST(max(episode) AS INTEGER) FROM measures",
    `SELECT max(id) / ${PLACES} FROM rollouts`,
  ];
  const found = sources.map((sql) => tolerant(() => database.value<number>(sql) ?? 0));
  return Math.max(0, ...found.filter((value) => typeof value === "number"));
}

/** What `read` gives, or the damage that it meets. */
export function tolerant<T>(read: () => T): T | VisplayError {
  try {
    return read();
  } catch (error) {
    if (error instanceof VisplayError) return error;
    throw error;
  }
}

/** Without the columns that SQLite takes from the body, which fail where that is damaged. */
const eventSql = `
  SELECT e.id, ${numbers("e.attempt", "e.superseded", "e.at_ms", "c.crc32")}, ${utf8("e.type", "e.body")}
  FROM events e LEFT JOIN checksums c ON c.event = e.id WHERE e.id = ?`;
const episodeSql = `
  SELECT e.id, ${numbers("e.attempt", "e.superseded", "e.at_ms", "e.phase", "e.round", "e.step")},
    ${numbers("e.questioner_version", "e.reasoner_version", "e.rollouts", "e.answers", "e.reward")},
    ${numbers("e.advantage", "e.confidence", "e.length", "e.truncated", "e.view")},
    ${utf8("e.question", "e.label", "p.text AS prompt_text", "i.content", "i.name")},
    ${numbers("p.templated", "i.position", "c.crc32")}
  FROM episodes e LEFT JOIN prompts p ON p.id = e.prompt LEFT JOIN images i ON i.id = e.image
    LEFT JOIN checksums c ON c.event = e.id
  WHERE e.id = ?`;
const rolloutsSql = `
  SELECT r.id, ${numbers("r.tokens", "r.log_probs", "r.truncated", "r.reward", "r.advantage", "r.outcome")},
    ${numbers("r.confidence", "r.abstentions", "r.parse_failures", "r.samples")},
    ${utf8("r.text", "r.parts", "r.checks", "r.vote", "r.failure", "r.question", "r.own_answer")},
    ${utf8("r.silver", "r.votes", "r.rejection", "r.label", "p.names AS parts_names", "c.names AS checks_names")}
  FROM rollouts r LEFT JOIN shapes p ON p.id = r.parts_shape LEFT JOIN shapes c ON c.id = r.checks_shape
  WHERE r.id >= ? AND r.id < ? ORDER BY r.id`;
const answersSql = `
  SELECT id, ${numbers("rollout", "blind", "tokens", "log_probs", "truncated", "outcome")}, ${utf8("text", "vote", "failure")}
  FROM answers WHERE id >= ? AND id < ? ORDER BY id`;

/**
 * Every rare event that no resume has superseded, in order, and no more than so many steps, as far apart as they can be.
 * Throws "damaged" at one that is.
 */
export function* restoreMilestones(database: Database, steps: number): Generator<RecordedEvent> {
  for (const id of milestoneIds(database, steps)) {
    const event = restoreOther(database, id);
    if (event) yield event;
  }
}

/** Of a replay that is gone through a stretch after the other. */
const STRETCH = 10_000;

/** Looks for a step in as many stretches as there may be steps, since nothing says where these are. */
function* milestoneIds(database: Database, steps: number): Generator<number> {
  const end = database.value<number>("SELECT max(id) FROM events") ?? 0;
  const length = steps > 0 ? Math.ceil(end / steps) : STRETCH;
  const within = "SELECT id FROM events WHERE id > ? AND id <= ? AND superseded = 0";
  const rare = database.prepare(`${within} AND ${rareEvents}`);
  const step = database.prepare(`${within} AND ${stepEvents} ORDER BY id LIMIT 1`);
  for (let after = 0; after < end; after += length) {
    const stretch = [after, after + length];
    const found = rare
      .all<{ id: number }>(stretch)
      .concat(steps > 0 ? step.all<{ id: number }>(stretch) : []);
    yield* found.map(({ id }) => id).sort((a, b) => a - b);
  }
}

function restoreOther(database: Database, id: number): RecordedEvent | undefined {
  return named(id, () => {
    const row = database.prepare(eventSql).get([id]);
    return row && otherEvent(row);
  });
}

/** Says of which event a damage is. */
function named<T>(id: number, restore: () => T): T {
  try {
    return restore();
  } catch (cause) {
    const message = `event ${id} is damaged: ${(cause as Error).message}`;
    throw new VisplayError("damaged", message, { cause });
  }
}

function place(row: Row): Omit<RecordedEvent, "event"> {
  return { id: row.id as number, attempt: row.attempt as number, superseded: row.superseded === 1 };
}

function otherEvent(row: Row): RecordedEvent {
  const head = { version: REPLAY_VERSION, atMs: row.at_ms, type: row.type };
  const event = { ...head, ...JSON.parse(row.body as string) };
  expectChecksum(new Checksum().add("events", row), row);
  return { ...place(row), event };
}

function episodeEvent(database: Database, id: number, row: Row): EpisodeEvent {
  const range = [id * PLACES, (id + 1) * PLACES];
  const rollouts = database.prepare(rolloutsSql).all(range);
  const answers = database.prepare(answersSql).all(range);
  expectCount("rollouts", rollouts.length, row.rollouts);
  expectCount("answers", answers.length, row.answers);
  const event = episodeOf(row, rollouts, answers);
  const checksum = new Checksum().add("episodes", row);
  for (const rollout of rollouts) checksum.add("rollouts", rollout);
  for (const each of answers) checksum.add("answers", each);
  expectChecksum(checksum, row);
  return event;
}

function episodeOf(row: Row, rollouts: readonly Row[], answers: readonly Row[]): EpisodeEvent {
  const phase = phases[(row.phase as number) - 1];
  const question = row.question as string | null;
  const shared = {
    version: REPLAY_VERSION,
    atMs: row.at_ms as number,
    round: row.round as number,
    step: row.step as number,
    image: {
      index: row.position as number,
      name: present(row, "name") as string,
      id: present(row, "content") as string,
    },
    prompt: filledPrompt(
      { text: present(row, "prompt_text") as string, templated: row.templated === 1 },
      question,
    ),
    versions: {
      questioner: row.questioner_version as number,
      reasoner: row.reasoner_version as number,
    },
  } as const;
  const answersTo = (i: number, blind: number) =>
    answers.filter((each) => each.rollout === i && each.blind === blind).map(answer);
  switch (phase) {
    case "questioner":
      return {
        type: "questionerEpisode",
        phase,
        ...shared,
        rollouts: rollouts.map((rollout, i) => ({
          ...questionRecord(rollout, answersTo(i, 0)),
          blindAnswers: answersTo(i, 1),
          checks: checks(rollout),
          parts: parts(rollout),
          reward: rollout.reward as number | null,
          advantage: rollout.advantage as number,
        })),
      };
    case "curriculum":
      return {
        type: "curriculumEpisode",
        phase,
        ...shared,
        questions: rollouts.map((rollout, i) => ({
          ...questionRecord(rollout, answersTo(i, 0)),
          ...(answersTo(i, 1).length > 0 && { blindAnswers: answersTo(i, 1) }),
          rejection: rollout.rejection as CurriculumQuestion["rejection"],
          label: rollout.label as string | null,
        })),
      };
    case "reasoner":
      return {
        type: "reasonerEpisode",
        phase,
        ...shared,
        view: row.view as number,
        question: present(row, "question") as string,
        label: present(row, "label") as string,
        confidence: row.confidence as number,
        rollouts: rollouts.map(reasonerRollout),
      };
    default:
      throw new VisplayError("damaged", `found phase ${row.phase}, expected 1 to ${phases.length}`);
  }
}

function reasonerRollout(row: Row): ReasonerRollout {
  const reward = row.reward as number;
  return { ...answer(row), parts: parts(row), reward, advantage: row.advantage as number };
}

function questionRecord(row: Row, answers: AnswerRecord[]): QuestionRecord {
  return {
    completion: completion(row),
    question: row.question as string | null,
    failure: row.failure as string | null,
    ownAnswer: row.own_answer as string | null,
    answers,
    verdict: row.samples === null ? null : verdict(row),
  };
}

function verdict(row: Row): VerdictRecord {
  const votes = JSON.parse(row.votes as string) as [string, number][];
  return {
    silver: row.silver as string | null,
    confidence: row.confidence as number,
    votes: votes.map(([given, count]) => ({ answer: given, count })),
    abstentions: row.abstentions as number,
    parseFailures: row.parse_failures as number,
    samples: row.samples as number,
  };
}

function answer(row: Row): AnswerRecord {
  const outcome = outcomes[row.outcome as number];
  if (!outcome) throw new VisplayError("damaged", `found outcome ${row.outcome}`);
  return {
    ...completion(row),
    outcome,
    vote: row.vote as string | null,
    failure: row.failure as string | null,
  };
}

function completion(row: Row): CompletionRecord {
  return {
    tokens: decodeTokens(row.tokens as Uint8Array),
    logProbs: decodeLogProbs(row.log_probs as Uint8Array),
    text: row.text as string,
    finishReason: row.truncated === 1 ? "length" : "stop",
  };
}

function parts(row: Row): Record<string, number> {
  return byName(row.parts_names, JSON.parse(row.parts as string) as number[]);
}

function checks(row: Row): Record<string, CheckRecord> {
  const values = JSON.parse(row.checks as string) as [number, number, number][];
  const records = values.map(([passed, value, threshold]) => ({ passed: passed === 1, value, threshold }));
  return byName(row.checks_names, records);
}

function byName<T>(names: Row[string] | undefined, values: readonly T[]): Record<string, T> {
  const keys = JSON.parse(names as string) as string[];
  expectCount("named values", values.length, keys.length);
  return Object.fromEntries(keys.map((name, i) => [name, values[i] as T]));
}

function present(row: Row, column: string): Row[string] {
  const value = row[column] ?? null;
  if (value === null) throw new VisplayError("damaged", `found no ${column}`);
  return value;
}

/** Older records have no checksum. */
function expectChecksum({ value }: Checksum, { crc32 }: Row): void {
  if (crc32 === null || crc32 === value) return;
  throw new VisplayError("damaged", "it is not as it was written: its checksum differs");
}

function expectCount(what: string, found: number, expected: Row[string] | undefined): void {
  if (found !== expected) throw new VisplayError("damaged", `found ${found} ${what}, expected ${expected}`);
}
