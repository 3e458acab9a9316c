import { VisplayError } from "../common/errors.ts";
import { versionsIn } from "./episode_records.ts";
import { originOf } from "./phases.ts";
import type { EpisodeHead } from "./query.ts";
import { PLACES } from "./schema.ts";
import { type Database, numbers, utf8 } from "./sqlite.ts";

const headSql = `
  SELECT e.id, ${numbers("e.attempt", "e.superseded", "e.at_ms", "e.phase", "e.round", "e.step")},
    ${numbers("e.questioner_version", "e.reasoner_version", "e.rollouts", "e.truncated", "e.length")},
    ${numbers("e.reward", "e.advantage", "e.confidence", "i.position")},
    ${utf8("e.label", "e.versions", "i.content", "i.name")},
    ${utf8(`coalesce(e.question, (
      SELECT r.question FROM rollouts r
      WHERE r.id >= e.id * ${PLACES} AND r.id < (e.id + 1) * ${PLACES} AND r.question IS NOT NULL
      ORDER BY r.id LIMIT 1
    )) AS first_question`)}
  FROM episodes e JOIN images i ON i.id = e.image
  WHERE e.id = ?`;

const measuresSql = `
  SELECT ${utf8("f.kind || ':' || f.name AS name")}, ${numbers("m.value")}
  FROM measures m JOIN figures f ON f.id = m.figure WHERE m.episode = ? AND f.kind <> 'version'`;

/** What a list shows of one episode. Throws "damaged" where an index names one that is not there. */
export function headOf(database: Database, id: number): EpisodeHead {
  const row = database.prepare(headSql).get([id]);
  if (!row) throw new VisplayError("damaged", `${database.path}: episode ${id} is missing`);
  const origin = originOf(database, row.phase as number);
  if (!origin) throw new VisplayError("damaged", `${database.path}: phase ${row.phase} is missing`);
  const measures = database.prepare(measuresSql).all<{ name: string; value: number }>([id]);
  return {
    id,
    attempt: row.attempt as number,
    superseded: row.superseded === 1,
    atMs: row.at_ms as number,
    stage: origin.stage,
    phase: origin.phase,
    role: origin.role,
    type: origin.type as EpisodeHead["type"],
    round: row.round as number,
    step: row.step as number,
    image: { id: row.content as string, index: row.position as number, name: row.name as string },
    versions: versionsIn(row),
    question: row.first_question as string | null,
    label: row.label as string | null,
    rollouts: row.rollouts as number,
    truncated: row.truncated as number,
    length: row.length as number,
    reward: row.reward as number | null,
    advantage: row.advantage as number | null,
    confidence: row.confidence as number | null,
    measures: Object.fromEntries(measures.map(({ name, value }) => [name, value])),
  };
}
