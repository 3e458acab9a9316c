import { VisplayError } from "../common/errors.ts";
import { decodeLogProbs, decodeTokens, filledPrompt } from "./encoding.ts";
import {
  type AnswerRecord,
  type AttributionRecord,
  type CheckRecord,
  type CompletionRecord,
  type CurriculumQuestion,
  type DescribedVotesRecord,
  type EpisodeEvent,
  type PolicyVersions,
  type QuestionRecord,
  REPLAY_VERSION,
  type ReasonerRollout,
  type ToolsRecord,
  type TrajectoryRecord,
  type TurnRecord,
} from "./events.ts";
import { verdictOf } from "./questions.ts";
import { outcomes } from "./records.ts";
import type { Row } from "./sqlite.ts";

/** An episode from its row and those of its rollouts and answers. Throws "damaged" where they do not fit. */
export function episodeOf(row: Row, rollouts: readonly Row[], answers: readonly Row[]): EpisodeEvent {
  const question = row.question as string | null;
  const shared = {
    version: REPLAY_VERSION,
    atMs: row.at_ms as number,
    stage: present(row, "stage") as string,
    phase: present(row, "phase_name") as string,
    role: present(row, "role") as string,
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
    versions: versionsIn(row),
  } as const;
  const answersTo = (i: number, blind: number) =>
    answers.filter((each) => each.rollout === i && each.blind === blind).map(answer);
  const type = row.type as EpisodeEvent["type"];
  switch (type) {
    case "questionerEpisode":
      return {
        type,
        ...shared,
        rollouts: rollouts.map((rollout, i) => ({
          ...questionRecord(rollout, answersTo(i, 0)),
          blindAnswers: answersTo(i, 1),
          checks: checks(rollout),
          parts: parts(rollout),
          reward: rollout.reward as number | null,
          advantage: rollout.advantage as number,
          referenceLogProbs: referenceLogProbs(rollout),
        })),
      };
    case "curriculumEpisode":
      return {
        type,
        ...shared,
        questions: rollouts.map((rollout, i) => ({
          ...questionRecord(rollout, answersTo(i, 0)),
          blindAnswers: answersTo(i, 1),
          described: parsed<DescribedVotesRecord>(rollout.described),
          rejection: rollout.rejection as CurriculumQuestion["rejection"],
          label: rollout.label as string | null,
          solution: rollout.solution as number | null,
        })),
      };
    case "reasonerEpisode":
      return {
        type,
        ...shared,
        view: row.view as number,
        turns: parsed<TurnRecord[]>(row.turns),
        tools: parsed<ToolsRecord>(row.tools_text),
        question: present(row, "question") as string,
        label: row.label as string | null,
        confidence: row.confidence as number,
        rollouts: rollouts.map(reasonerRollout),
      };
    default:
      throw new VisplayError("damaged", `found an episode of type ${JSON.stringify(type satisfies never)}`);
  }
}

/** The versions of policies by role, from the columns of `episodes`. */
export function versionsIn(row: Row): PolicyVersions {
  const { questioner_version: questioner, reasoner_version: reasoner, versions } = row;
  return {
    ...(questioner !== null && { questioner: questioner as number }),
    ...(reasoner !== null && { reasoner: reasoner as number }),
    ...(versions !== null && (JSON.parse(versions as string) as PolicyVersions)),
  };
}

function reasonerRollout(row: Row): ReasonerRollout {
  return {
    ...answer(row),
    attribution: parsed<AttributionRecord>(row.attribution),
    parts: parts(row),
    reward: row.reward as number | null,
    advantage: row.advantage as number,
    referenceLogProbs: referenceLogProbs(row),
  };
}

/** What it lacks in tables before version 11 is null. */
function trajectoryOf({ trajectory }: Row): TrajectoryRecord | null {
  const found = parsed<TrajectoryRecord>(trajectory);
  if (found === null) return null;
  const turns = found.turns.map((turn) => ({ ...turn, advantage: turn.advantage ?? null }));
  return { ...found, turns, failure: found.failure ?? null };
}

function parsed<T>(text: Row[string] | undefined): T | null {
  return text === null || text === undefined ? null : (JSON.parse(text as string) as T);
}

function referenceLogProbs({ reference_log_probs: bytes = null }: Row): number[] | null {
  return bytes === null ? null : decodeLogProbs(bytes as Uint8Array);
}

function questionRecord(row: Row, answers: AnswerRecord[]): QuestionRecord {
  return {
    completion: completion(row),
    question: row.question as string | null,
    failure: row.failure as string | null,
    ownAnswer: row.own_answer as string | null,
    answers,
    verdict: row.samples === null ? null : verdictOf(row),
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
    trajectory: trajectoryOf(row),
    verified: (row.verified ?? null) === null ? null : row.verified === 1,
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

export function expectCount(what: string, found: number, expected: Row[string] | undefined): void {
  if (found !== expected) throw new VisplayError("damaged", `found ${found} ${what}, expected ${expected}`);
}
