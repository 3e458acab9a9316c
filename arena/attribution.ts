import { zip } from "../common/zip.ts";
import type { RgbImage } from "../images/image.ts";
import { promptAbout } from "../policy/prompts.ts";
import type { DescribedQuestion, Describer } from "../reasoner/describer.ts";
import type { Answer, VisualQuestion } from "../reasoner/reasoner.ts";
import { vote } from "../reasoner/vote.ts";
import type { AttributionFigures, AttributionRecord } from "../replay/events.ts";
import { type Cause, causeOf, causes } from "../rewards/attribution.ts";
import type { Reference } from "../training/grpo.ts";
import { shareOf } from "./statistics.ts";

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
  const descriptions = await describer.describe(questions, { ...sampling, temperature: 0 }, signal);
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
}

/** What is known of a description, by the name of who looked: from 0, wrong, to 1. */
export type Checks = Readonly<Record<string, number>>;

/** From where on a check counts as passed. */
const passes = 0.5;

/** A second look, and what is known of its description. */
export interface CheckedLook extends SecondLook {
  readonly checks: Checks;
}

/** What became of one answer, `right` or not, to a question that was looked at again. */
export function attribute(
  { description, concluded, checks }: CheckedLook,
  { by, isRight }: Standard,
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
    described: share((record) => record.described),
    concluded: share((record) => record.concluded),
    causes: Object.fromEntries(
      causes.map((cause): [Cause, number | null] => [cause, share((record) => record.cause === cause)]),
    ),
  };
}

/** What the base is asked of each sentence of a description. */
const verification = (claim: string) =>
  `Look at the image. Is the following true of it?\n${claim}\nAnswer with one word, yes or no.`;

/**
 * Who checks a description where nobody knows the truth: the run's base is shown the picture and asked of each sentence
 * whether it is so. Gives the mean, over sentences, of the probability of yes against no.
 */
export function baseVerifier(
  base: Reference,
  encode: (completion: string) => Int32Array,
): (described: readonly DescribedPicture[], signal?: AbortSignal) => Promise<number[]> {
  const completions = ["yes", "no"].map((tokens) => ({ tokens: encode(tokens) }));
  return async (described, signal) => {
    const claims = described.map(({ description }) => sentencesOf(description));
    const groups = zip(described, claims).flatMap(([{ image }, sentences]) =>
      sentences.map((claim) => ({ prompt: promptAbout(image, verification(claim)), completions })),
    );
    const scores = groups.length === 0 ? [] : await base.score(groups, 1, signal);
    let next = 0;
    return claims.map((sentences) => {
      const sure = sentences.map(() => {
        const [yes, no] = (scores[next++] as Float32Array[]).map(sum) as [number, number];
        return 1 / (1 + Math.exp(no - yes));
      });
      return sum(sure) / Math.max(1, sure.length);
    });
  };
}

/**
 * What is known of descriptions, [described]: by the truth where that can tell, else by who verifies the others; nothing of
 * none.
 */
export async function checkDescriptions(
  described: readonly (Omit<DescribedPicture, "description"> & {
    readonly description: string | null;
    /** Null where nobody knows. */
    readonly truth: boolean | null;
  })[],
  verify: (open: readonly DescribedPicture[]) => Promise<readonly number[]>,
): Promise<Checks[]> {
  const open = described.flatMap(({ image, description, truth }) =>
    description === null || truth !== null ? [] : [{ image, description }],
  );
  const sure = open.length === 0 ? [] : await verify(open);
  let next = 0;
  return described.map(({ description, truth }) => {
    if (description === null) return {};
    return truth === null ? { base: sure[next++] as number } : { truth: Number(truth) };
  });
}

/** A description of a picture. */
export interface DescribedPicture {
  readonly image: RgbImage;
  readonly description: string;
}

function sentencesOf(description: string): string[] {
  return description
    .split(/(?<=[.!?])\s+|\n+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
