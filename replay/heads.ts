import { VisplayError } from "../common/errors.ts";
import { readable } from "./damage.ts";
import { versionsIn } from "./episode_records.ts";
import { originOf } from "./phases.ts";
import type { EpisodeHead } from "./query.ts";
import { PLACES } from "./schema.ts";
import { type Database, numbers, type Row, utf8 } from "./sqlite.ts";

const headsSql = `
  SELECT e.id, ${numbers("e.attempt", "e.superseded", "e.at_ms", "e.phase", "e.round", "e.step")},
    ${numbers("e.questioner_version", "e.reasoner_version", "e.rollouts", "e.truncated", "e.length")},
    ${numbers("e.reward", "e.advantage", "e.confidence", "i.position")},
    ${utf8("e.label", "e.versions", "i.content", "i.name")},
    ${utf8(`coalesce(e.question, (
      SELECT r.question FROM rollouts r
      WHERE r.id >= e.id * ${PLACES} AND r.id < (e.id + 1) * ${PLACES} AND r.question IS NOT NULL
      ORDER BY r.id LIMIT 1
    )) AS first_question`)}
  FROM json_each(?) k JOIN episodes e ON e.id = k.value JOIN images i ON i.id = e.image`;

const measuresSql = `
  SELECT ${numbers("m.episode", "m.figure", "m.value")} FROM json_each(?) k JOIN measures m ON m.episode = k.value`;

const figuresSql = `SELECT id, ${utf8("kind || ':' || name AS name")} FROM figures WHERE kind <> 'version'`;

/** What a list shows of each of these episodes, in their order. Throws "damaged" where one of them cannot be read. */
export function headsOf(
  database: Database,
  ids: readonly number[],
  measures: Map<number, Measures> = measuresOf(database, ids),
): EpisodeHead[] {
  const list = JSON.stringify(ids);
  const rows = new Map(
    database
      .prepare(headsSql)
      .all([list])
      .map((row) => [row.id as number, row]),
  );
  return ids.map((id) => {
    const row = rows.get(id);
    if (!row) throw new VisplayError("damaged", `${database.path}: episode ${id} is missing`);
    return headOf(database, row, measures.get(id) ?? {});
  });
}

type Measures = EpisodeHead["measures"];

/** The same as far as it can be read, null in place of an episode that is damaged; of some, only measures are lost. */
export function readableHeads(database: Database, ids: readonly number[]): readonly (EpisodeHead | null)[] {
  return readable<EpisodeHead | null>(
    ids,
    (some) => headsOf(database, some),
    (id) =>
      readable<EpisodeHead | null>(
        [id],
        () => headsOf(database, [id], new Map()),
        () => [null],
      ),
  );
}

/** The named figures of episodes. */
function measuresOf(database: Database, ids: readonly number[]): Map<number, Measures> {
  const figures = database.prepare(figuresSql).all<{ id: number; name: string }>();
  const names = new Map(figures.map(({ id, name }) => [id, name]));
  const byEpisode = new Map<number, Record<string, number>>();
  for (const { episode, figure, value } of database
    .prepare(measuresSql)
    .all<Measured>([JSON.stringify(ids)])) {
    const name = names.get(figure);
    if (name === undefined) continue;
    const known = byEpisode.get(episode);
    if (known) known[name] = value;
    else byEpisode.set(episode, { [name]: value });
  }
  return byEpisode;
}

interface Measured {
  readonly episode: number;
  readonly figure: number;
  readonly value: number;
}

function headOf(database: Database, row: Row, measures: Measures): EpisodeHead {
  const origin = originOf(database, row.phase as number);
  if (!origin) throw new VisplayError("damaged", `${database.path}: phase ${row.phase} is missing`);
  return {
    id: row.id as number,
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
    measures,
  };
}
