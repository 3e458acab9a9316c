import { zip } from "../common/zip.ts";
import type { Completion } from "../policy/port.ts";
import { consensus, mostCentral } from "../reasoner/consensus.ts";
import { type DescribedQuestion, Describer } from "../reasoner/describer.ts";
import { descriptionIn } from "../reasoner/description.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import { sameVote, type Verdict, vote } from "../reasoner/vote.ts";
import type { DescribedVotesRecord } from "../replay/events.ts";
import { samplingOf } from "./config/learning.ts";
import { clearViewOf, type OpenQuestion, withOtherPictures } from "./dialogue.ts";
import type { Purpose, Step } from "./step.ts";

/** What a question's picture was described as, and what follows from that alone. */
export interface DescribedVotes {
  /** Of all views, those that can be used. */
  readonly descriptions: readonly Completion[];
  /** The one of them that says best what all have in common. */
  readonly description: Completion;
  /** What was answered from it. */
  readonly answers: readonly Answer[];
  readonly verdict: Verdict;
}

/**
 * Has the Reasoner describe questions' pictures, as often in every view, and answer from the description that is most like
 * the others: what one look invents or overlooks the others outvote. A question that could not be put so in every view, or
 * whose picture was never described, has no votes.
 */
export async function voteFromDescriptions<Q extends OpenQuestion>(
  step: Step,
  questions: readonly Q[],
  { purpose, part = 0 }: Purpose,
): Promise<Map<Q, DescribedVotes>> {
  const { reasoner, curriculum } = step.run.config;
  const { policies, templates } = step.run.ports;
  const describer = new Describer(policies.reasoner, templates);
  const described = await describe(step, describer, questions, { purpose: `${purpose}Described`, part });
  const central = questions.flatMap((question) => {
    const descriptions = described.get(question)?.filter((each) => descriptionIn(each) !== null) ?? [];
    const description = descriptions[mostCentral(descriptions.map(({ text }) => text)) ?? -1];
    return description ? [{ ...question, of: question, descriptions, description }] : [];
  });
  const samples = curriculum.evidence.answersPerQuestion;
  const temperature = samples === 1 ? 0 : curriculum.temperature;
  const options = { ...samplingOf(reasoner), samples, temperature };
  const call = { purpose: `${purpose}Read`, part, during: "answer" } as const;
  const read = await step.sample(call, central, (some, seed, signal) =>
    describer.conclude(some.map(asRead), { ...options, seed }, signal),
  );
  return new Map(
    zip(central, read).flatMap(([{ of, descriptions, description }, answers]) => {
      if (!answers) return [];
      step.count(answers);
      return [[of, { descriptions, description, answers, verdict: vote(answers) }] as const];
    }),
  );
}

function asRead({
  question,
  description,
}: {
  readonly question: string;
  readonly description: Completion;
}): DescribedQuestion {
  return { question, description: descriptionIn(description) ?? "" };
}

/** Descriptions of questions' pictures, view by view; none of one that could not be put in every view. */
async function describe<Q extends OpenQuestion>(
  step: Step,
  describer: Describer,
  questions: readonly Q[],
  { purpose, part = 0 }: Purpose,
): Promise<Map<Q, Completion[]>> {
  const { curriculum, reasoner } = step.run.config;
  const { temperature, views, evidence } = curriculum;
  const options = { ...samplingOf(reasoner), temperature, samples: evidence.descriptionsPerView };
  const described = new Map<Q, Completion[][]>();
  for (let k = 0; k < views; k++) {
    const shown = await withOtherPictures(questions, (image) => clearViewOf(step, image, k));
    const call = { purpose, part: part * views + k, during: "answer" } as const;
    const looks = await step.sample(call, shown, (some, seed, signal) =>
      describer.describe(some, { ...options, seed }, signal),
    );
    const counted = new Set<Completion[]>();
    for (const [question, look] of zip(questions, looks)) {
      if (!look) continue;
      // Questions about one picture may share its description.
      if (!counted.has(look)) step.count(look.map((completion) => ({ completion })));
      counted.add(look);
      described.set(question, [...(described.get(question) ?? []), look]);
    }
  }
  return new Map(
    [...described].flatMap(([question, looks]) => (looks.length < views ? [] : [[question, looks.flat()]])),
  );
}

/** The same, as the replay keeps it. */
export function describedRecord(
  { descriptions, description, answers, verdict }: DescribedVotes,
  label: string | null,
): DescribedVotesRecord {
  const solution = label === null ? null : consensus(answers, label);
  return {
    descriptions: descriptions.map((each) => descriptionIn(each) ?? ""),
    description: description.text,
    solution: solution === null ? null : (answers[solution]?.completion.text ?? null),
    verdict,
  };
}

/** Whether both ways lead to the same answer. */
export function bothAgree(sighted: Verdict, described: Pick<DescribedVotes, "verdict"> | null): boolean {
  return described !== null && sameVote(sighted.silver, described.verdict.silver);
}
