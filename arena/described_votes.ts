import { zip } from "../common/zip.ts";
import { Describer } from "../reasoner/describer.ts";
import { sameVote, type Verdict, vote } from "../reasoner/vote.ts";
import { lookAgain, type SecondLook } from "./attribution.ts";
import { type OpenQuestion, viewOf, withOtherPictures } from "./dialogue.ts";
import type { Purpose, Step } from "./step.ts";

/** Votes from descriptions alone. */
export interface DescribedVotes {
  /** One for each view that could be described. */
  readonly descriptions: readonly string[];
  /** Answers that came from them, all views' together. */
  readonly answers: SecondLook["concluded"];
  readonly verdict: Verdict;
}

/**
 * Has the Reasoner describe questions' images, once in each view, and vote from that alone; a question that could not be put
 * so in every view has no votes.
 */
export async function voteFromDescriptions<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  { purpose, part = 0 }: Purpose,
): Promise<Map<Q, DescribedVotes>> {
  const { curriculum, reasoner } = step.run.config;
  const { policies, templates } = step.run.ports;
  const describer = new Describer(policies.reasoner, templates);
  const { temperature, views } = curriculum;
  const samples = curriculum.evidence.answersPerQuestion / views;
  const options = { samples, temperature, maxTokens: reasoner.maxTokens };
  const looks = new Map<Q, SecondLook[]>();
  for (let k = 0; k < views; k++) {
    const shown = await withOtherPictures(questions, (image) => viewOf(step, image, k));
    const look = (some: Readonly<typeof shown>, seed: number, signal: AbortSignal) =>
      lookAgain(describer, some, { ...options, seed }, signal);
    const call = { purpose: `${purpose}Described`, part: part * views + k, during: "answer" } as const;
    for (const [question, seen] of zip(questions, await step.sample(call, shown, look))) {
      if (!seen) continue;
      step.count(seen.concluded);
      looks.set(question, [...(looks.get(question) ?? []), seen]);
    }
  }
  return new Map(
    [...looks].flatMap(([question, seen]) =>
      seen.length < views ? [] : [[question, votesOf(seen)] as const],
    ),
  );
}

function votesOf(looks: readonly SecondLook[]): DescribedVotes {
  const answers = looks.flatMap(({ concluded }) => concluded);
  const descriptions = looks.flatMap(({ description }) => description ?? []);
  return { descriptions, answers, verdict: vote(answers) };
}

/** Whether both ways lead to the same answer. */
export function bothAgree(sighted: Verdict, described: Pick<DescribedVotes, "verdict"> | null): boolean {
  return described !== null && sameVote(sighted.silver, described.verdict.silver);
}
