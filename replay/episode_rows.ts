import { encodeLogProbs, encodeTokens } from "./encoding.ts";
import type {
  AnswerRecord,
  CheckRecord,
  CompletionRecord,
  PolicyVersions,
  QuestionerRollout,
  QuestionRecord,
} from "./events.ts";
import { outcomes } from "./records.ts";
import type { Rollout } from "./rollouts.ts";
import type { Value } from "./sqlite.ts";

/** A row to be inserted, by column. */
export type NewRow = Record<string, Value>;

/** The versions of the policies that have a column of their own, and of all others. */
export function storedVersions({ questioner, reasoner, ...others }: PolicyVersions): {
  readonly columns: NewRow;
  readonly others: PolicyVersions;
} {
  const versions = Object.keys(others).length > 0 ? JSON.stringify(others) : null;
  const columns = { questioner_version: questioner ?? null, reasoner_version: reasoner ?? null, versions };
  return { columns, others };
}

/** A row of `rollouts`, without its id; the lists of names, which are stored once, stand in it themselves. */
export function rolloutRow(rollout: Rollout): NewRow {
  if (!("completion" in rollout)) {
    const attribution = rollout.attribution && JSON.stringify(rollout.attribution);
    return { ...answerRow(rollout), ...rewardRow(rollout), ...partsRow(rollout.parts), attribution };
  }
  const question = questionRow(rollout);
  if ("rejection" in rollout) {
    const described = rollout.described && JSON.stringify(rollout.described);
    const { rejection, label, solution } = rollout;
    return { ...question, rejection, label, described, solution };
  }
  return {
    ...question,
    ...rewardRow(rollout),
    ...partsRow(rollout.parts),
    ...checksRow(rollout.checks),
  };
}

/** A row of `answers`, without its place. */
export function answerRow(answer: AnswerRecord): NewRow {
  const { outcome, vote, failure, trajectory, verified } = answer;
  return {
    ...completionRow(answer),
    outcome: outcomes.indexOf(outcome),
    vote,
    failure,
    trajectory: trajectory && JSON.stringify(trajectory),
    verified: verified === null ? null : Number(verified),
  };
}

function completionRow({ tokens, logProbs, text, finishReason }: CompletionRecord): NewRow {
  return {
    text,
    tokens: encodeTokens(tokens),
    log_probs: encodeLogProbs(logProbs),
    truncated: finishReason === "length" ? 1 : 0,
  };
}

function questionRow({ completion, question, failure, ownAnswer, verdict }: QuestionRecord): NewRow {
  return {
    ...completionRow(completion),
    question,
    failure,
    own_answer: ownAnswer,
    ...(verdict && {
      silver: verdict.silver,
      confidence: verdict.confidence,
      votes: JSON.stringify(verdict.votes.map(({ answer, count }) => [answer, count])),
      abstentions: verdict.abstentions,
      parse_failures: verdict.parseFailures,
      samples: verdict.samples,
      verified: verdict.verified,
    }),
  };
}

type RewardedRollout = Pick<QuestionerRollout, "reward" | "advantage" | "referenceLogProbs">;

function rewardRow({ reward, advantage, referenceLogProbs }: RewardedRollout): NewRow {
  return {
    reward,
    advantage,
    reference_log_probs: referenceLogProbs && encodeLogProbs(referenceLogProbs),
  };
}

function partsRow(parts: Readonly<Record<string, number>>): NewRow {
  return { parts_names: JSON.stringify(Object.keys(parts)), parts: JSON.stringify(Object.values(parts)) };
}

function checksRow(checks: Readonly<Record<string, CheckRecord>>): NewRow {
  const values = Object.values(checks).map(({ passed, value, threshold }) => [
    Number(passed),
    value,
    threshold,
  ]);
  return { checks_names: JSON.stringify(Object.keys(checks)), checks: JSON.stringify(values) };
}
