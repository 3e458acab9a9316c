import { zip } from "../common/zip.ts";
import type { ClaimChecker, PictureClaim } from "../environments/checkers/claim_checker.ts";
import type { DescribedQuestion, Describer } from "../reasoner/describer.ts";
import type { Answer, VisualQuestion } from "../reasoner/reasoner.ts";
import { vote } from "../reasoner/vote.ts";
import type { AttributionFigures, AttributionRecord } from "../replay/events.ts";
import { type Cause, causeOf, causes } from "../rewards/attribution.ts";
import { meansByName, shareOf } from "./statistics.ts";

/** What a policy made of a question in two steps: it described the picture, and answered from that alone. */
export interface SecondLook {
  /** Null where nothing usable was said. */
  readonly description: string | null;
  /** Answers from it, [m']; none without a description. */
  readonly concluded: readonly Answer[];
}

export interface LookOptions {
  /** m': answers from each description. */
  readonly samples: number;
  /** Of these answers; descriptions are greedy. */
  readonly temperature: number;
  readonly maxTokens: number;
  readonly seed: number;
}

/** Has questions' pictures described, and the questions answered from the descriptions alone, [questions]. */
export async function lookAgain(
  describer: Describer,
  questions: readonly VisualQuestion[],
  { samples, temperature, maxTokens, seed }: LookOptions,
  signal?: AbortSignal,
): Promise<SecondLook[]> {
  const sampling = { topK: 0, topP: 1, maxTokens, seed };
  const descriptions = await describer.describeOnce(questions, { ...sampling, temperature: 0 }, signal);
  const described = zip(questions, descriptions).flatMap(
    ([{ question }, description]): DescribedQuestion[] =>
      description === null ? [] : [{ question, description }],
  );
  const concluded = await describer.conclude(described, { ...sampling, samples, temperature }, signal);
  let next = 0;
  return descriptions.map((description) => ({
    description,
    concluded: description === null ? [] : (concluded[next++] as Answer[]),
  }));
}

/** What is held to be right of a question. */
export interface Standard {
  readonly by: AttributionRecord["by"];
  /** Whether a vote is the right answer; null is none. */
  isRight(vote: string | null): boolean;
  /** From where on a check counts as passed. */
  readonly passes: number;
}

/** What is known of a description, by the name of who looked: from 0, wrong, to 1. */
export type Checks = Readonly<Record<string, number>>;

/** A second look, and what is known of its description. */
export interface CheckedLook extends SecondLook {
  readonly checks: Checks;
}

/** What became of one answer, `right` or not, to a question that was looked at again. */
export function attribute(
  { description, concluded, checks }: CheckedLook,
  { by, isRight, passes }: Standard,
  right: boolean,
): AttributionRecord {
  const conclusion = vote(concluded).silver;
  const held = Object.values(checks);
  const described = description === null || held.length === 0 ? null : held.every((check) => check >= passes);
  const fromIt = description === null ? null : isRight(conclusion);
  const cause =
    described === null || fromIt === null ? null : causeOf({ described, concluded: fromIt, answered: right });
  return { description, checks, conclusion, described, concluded: fromIt, cause, by };
}

/** What attributions of a step or an evaluation came to; null for none. */
export function attributionFigures(records: readonly AttributionRecord[]): AttributionFigures | null {
  if (records.length === 0) return null;
  const known = records.filter(({ described }) => described !== null);
  const share = (holds: (record: AttributionRecord) => boolean | null) =>
    known.length === 0 ? null : shareOf(known, (record) => holds(record) === true);
  return {
    answers: records.length,
    usable: shareOf(records, ({ description }) => description !== null),
    judged: known.length / records.length,
    described: share((record) => record.described),
    concluded: share((record) => record.concluded),
    causes: Object.fromEntries(
      causes.map((cause): [Cause, number | null] => [cause, share((record) => record.cause === cause)]),
    ),
  };
}

/** A description of the picture of a question. */
export interface DescribedPicture extends VisualQuestion {
  /** Null where nothing usable was said. */
  readonly description: string | null;
  /** Whether it is right; null where nobody knows. */
  readonly truth: boolean | null;
}

/** A sentence of a description, and who could tell whether it is so. */
interface CheckedClaim extends PictureClaim {
  readonly of: DescribedPicture;
  readonly known: { readonly by: string; readonly sure: number } | null;
}

/**
 * What is known of descriptions, [described]: by the truth where that can tell; else each sentence by the first checker that can,
 * and of each of these the mean over the sentences that it judged. Nothing where nobody can tell.
 */
export async function checkDescriptions(
  described: readonly DescribedPicture[],
  checkers: readonly ClaimChecker[],
  signal?: AbortSignal,
): Promise<Checks[]> {
  let claims = described.flatMap((of): CheckedClaim[] => {
    const { image, question, description, truth } = of;
    if (description === null || truth !== null) return [];
    return sentencesOf(description).map((claim) => ({ image, question, claim, of, known: null }));
  });
  for (const checker of checkers) {
    const open = claims.filter(({ known }) => known === null);
    if (open.length === 0) break;
    const sure = new Map(zip(open, await checker.check(open, signal)));
    claims = claims.map((claim) => {
      const value = sure.get(claim) ?? null;
      return value === null ? claim : { ...claim, known: { by: checker.name, sure: value } };
    });
  }
  return described.map((each) => {
    const { description, truth } = each;
    if (description !== null && truth !== null) return { truth: Number(truth) };
    return meansByName(
      claims.flatMap(({ of, known }) => (of === each && known ? [{ [known.by]: known.sure }] : [])),
    );
  });
}

function sentencesOf(description: string): string[] {
  return description
    .split(/(?<=[.!?])\s+|\n+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");
}
