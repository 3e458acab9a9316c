import type { RgbImage } from "../images/image.ts";
import { blindAgreement, imageEvidence, type Verdict, vote } from "../reasoner/vote.ts";
import type { BlindFigures } from "./admission.ts";
import type { GivenAnswers } from "./answerer.ts";
import { type SamplingConfig, samplingOf } from "./config/learning.ts";
import { type DescribedVotes, voteFromDescriptions } from "./described_votes.ts";
import { answerBlindly, answerOtherPictures, clearViewOf, type OpenQuestion } from "./dialogue.ts";
import { mean } from "./statistics.ts";
import type { Purpose, Step } from "./step.ts";

/** What the Reasoner makes of one question of a curriculum. */
export interface Poll {
  readonly given: GivenAnswers;
  /** Of all votes that count. */
  readonly verdict: Verdict;
  /** What it votes from descriptions alone; null where that was not asked. */
  readonly described: DescribedVotes | null;
  /** What it answers without the image, and how far that agrees with the verdict; null where nobody asked blindly. */
  readonly blind: ({ readonly given: GivenAnswers } & BlindFigures) | null;
}

/**
 * Has the Reasoner vote on questions as a curriculum is labelled; one that was not answered in every view has no poll.
 * `part` counts the calls of one purpose in a step.
 */
export async function poll<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  { purpose, part = 0 }: Purpose,
): Promise<Map<Q, Poll>> {
  const { curriculum, reasoner } = step.run.config;
  const sampling = { ...samplingOf(reasoner), temperature: curriculum.temperature };
  const unseen = { ...sampling, samples: curriculum.gate.blindAnswersPerQuestion };
  const { use } = curriculum.evidence;
  const [sighted, blind, described] = await Promise.all([
    answerInViews(step, questions, sampling, { purpose, part }),
    answerBlindly(step, questions, unseen, { purpose: `${purpose}Blind`, part }),
    use === "none" ? new Map<Q, DescribedVotes>() : voteFromDescriptions(step, questions, { purpose, part }),
  ]);
  return new Map(
    [...sighted].map(([question, given]) => {
      const [unseen = null, votes = null] = [blind.get(question), described.get(question)];
      const verdict = vote(use === "weighs" && votes ? [...given.answers, ...votes.answers] : given.answers);
      return [question, { given, verdict, described: votes, blind: unseen && blindOf(verdict, unseen) }];
    }),
  );
}

function blindOf(verdict: Verdict, given: GivenAnswers): NonNullable<Poll["blind"]> {
  const unseen = vote(given.answers);
  const agreement = blindAgreement(verdict, unseen);
  return { given, agreement, evidence: imageEvidence(verdict, unseen) };
}

/**
 * The Reasoner's answers to questions, as many in every view of an image, view by view: what another development of it
 * changes was no knowledge.
 */
async function answerInViews<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  sampling: SamplingConfig,
  { purpose, part = 0 }: Purpose,
): Promise<Map<Q, GivenAnswers>> {
  const { curriculum: config } = step.run.config;
  const samples = config.answersPerQuestion / config.views;
  const views: Map<Q, GivenAnswers>[] = [];
  // One view after the other, so that memory holds the images once more and not several times.
  for (let k = 0; k < config.views; k++) {
    const call = { purpose, part: part * config.views + k };
    const show = (image: RgbImage) => clearViewOf(step, image, k);
    views.push(await answerOtherPictures(step, questions, show, { ...sampling, samples }, call));
  }
  return new Map(
    questions.flatMap((question) => {
      const given = views.flatMap((view) => view.get(question) ?? []);
      const [first] = given;
      if (!first || given.length < views.length) return [];
      return [[question, { ...first, answers: given.flatMap(({ answers }) => answers) }] as const];
    }),
  );
}

/** The share of all votes that a tool verified; null where nothing could be called, or nobody cast a vote. */
export function verifiedShare(verdicts: readonly Verdict[]): number | null {
  const called = verdicts.filter(({ verified }) => verified !== null);
  const cast = called.reduce((sum, { samples, parseFailures }) => sum + samples - parseFailures, 0);
  return cast === 0 ? null : called.reduce((sum, { verified }) => sum + (verified ?? 0), 0) / cast;
}

/** The mean confidence of verdicts; null where nobody cast a vote. */
export function meanConfidence(verdicts: readonly Pick<Verdict, "silver" | "confidence">[]): number | null {
  if (verdicts.every(({ silver }) => silver === null)) return null;
  return mean(verdicts.map(({ confidence }) => confidence));
}
