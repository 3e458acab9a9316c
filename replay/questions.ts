import { parsed, readable } from "./damage.ts";
import type { ImageRef, VerdictRecord } from "./events.ts";
import { PLACES } from "./schema.ts";
import { type Database, numbers, type Row, utf8 } from "./sqlite.ts";

/** What a list shows of one question that was asked about an image: all but its answers and the tokens. */
export interface QuestionHead {
  readonly episode: number;
  /** Place among the episode's rollouts. */
  readonly rollout: number;
  readonly round: number;
  readonly image: ImageRef & { readonly id: string };
  /** The completion. */
  readonly text: string;
  /** Tokens of the completion. */
  readonly length: number;
  readonly question: string | null;
  readonly failure: string | null;
  readonly reward: number | null;
  readonly verdict: VerdictRecord | null;
  /** Why it did not enter the curriculum; null if it did, or where no curriculum was made. */
  readonly rejection: string | null;
  readonly label: string | null;
}

const sql = `
  SELECT r.id, ${numbers("e.id AS episode", "e.round", "r.reward", "r.confidence", "r.abstentions", "i.position")},
    ${numbers("r.parse_failures", "r.samples", "r.verified", "length(r.log_probs) / 4 AS tokens")},
    ${utf8("r.text", "r.question", "r.failure", "r.silver", "r.votes", "r.rejection", "r.label", "i.content", "i.name")}
  FROM json_each(?) k JOIN episodes e ON e.id = k.value JOIN images i ON i.id = e.image
    JOIN rollouts r ON r.id >= e.id * ${PLACES} AND r.id < (e.id + 1) * ${PLACES}
  ORDER BY k.key, r.id`;

/** The questions of these episodes, in their order, without those of episodes that `lost` is told of. */
export function questionsOf(
  database: Database,
  episodes: readonly number[],
  lost: (id: number) => void,
): readonly QuestionHead[] {
  const statement = database.prepare(sql);
  return readable(
    episodes,
    (some) => statement.all([JSON.stringify(some)]).map(questionHead),
    (id) => {
      lost(id);
      return [];
    },
  );
}

function questionHead(row: Row): QuestionHead {
  return {
    episode: row.episode as number,
    rollout: (row.id as number) % PLACES,
    round: row.round as number,
    image: { id: row.content as string, index: row.position as number, name: row.name as string },
    text: row.text as string,
    length: row.tokens as number,
    question: row.question as string | null,
    failure: row.failure as string | null,
    reward: row.reward as number | null,
    verdict: row.samples === null ? null : verdictOf(row),
    rejection: row.rejection as string | null,
    label: row.label as string | null,
  };
}

/** What the answers to a question came to, from the row of its rollout. Throws "damaged". */
export function verdictOf(row: Row): VerdictRecord {
  const votes = parsed(row.votes as string) as [string, number][];
  return {
    silver: row.silver as string | null,
    confidence: row.confidence as number,
    votes: votes.map(([given, count]) => ({ answer: given, count })),
    abstentions: row.abstentions as number,
    parseFailures: row.parse_failures as number,
    samples: row.samples as number,
    verified: (row.verified ?? null) as number | null,
  };
}
