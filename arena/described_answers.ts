import { zip } from "../common/zip.ts";
import { Describer } from "../reasoner/describer.ts";
import { answerStart } from "../reasoner/description.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import { writtenIn } from "../reasoner/written.ts";
import type { ImageRef } from "../replay/events.ts";
import type { ReasonerRewardConfig } from "./config/reasoner.ts";
import type { Purpose, Step } from "./step.ts";

/** Answers to a question, and what is held to be right. */
interface JudgedAnswers {
  readonly ref: ImageRef;
  readonly question: string;
  readonly answers: readonly Answer[];
  isRight(answer: Answer): boolean | Promise<boolean>;
}

/** Whether a reward asks what answers say to see. */
export function asksDescriptions({
  verification,
  attribution,
  description,
}: Pick<ReasonerRewardConfig, "verification" | "attribution" | "description">): boolean {
  return verification !== "none" || attribution === "by_part" || description > 0;
}

/**
 * Whether a right answer also follows from what each answer says to see before it answers, [questions][m]: the Reasoner is asked
 * the question about that alone, greedily. Without such a chain nothing follows.
 */
export async function followsFromChain(
  step: Step,
  judged: readonly JudgedAnswers[],
  { part = 0 }: Pick<Purpose, "part">,
): Promise<boolean[][]> {
  const { policies, templates } = step.run.ports;
  const { maxTokens } = step.run.config.reasoner;
  const described = judged.map(({ ref, question, answers }) =>
    answers.map(({ completion: { text } }) => ({ ref, question, description: writtenIn(text).chain })),
  );
  // Equal chains are read once.
  const keyOf = ({ question, description }: (typeof described)[number][number]) =>
    JSON.stringify([question, description]);
  const different = [...new Map(described.flat().map((each) => [keyOf(each), each])).values()].filter(
    ({ description }) => description !== "",
  );
  const describer = new Describer(policies.reasoner, templates);
  const sampling = { samples: 1, temperature: 0, topK: 0, topP: 1, maxTokens };
  const concluded = await step.sample(
    { purpose: "conclude", part, during: "answer" },
    different,
    (some, seed, signal) => describer.conclude(some, { ...sampling, seed }, signal),
  );
  const conclusions = new Map(zip(different, concluded).map(([each, given]) => [keyOf(each), given?.[0]]));
  return Promise.all(
    zip(judged, described).map(([each, chains]) =>
      Promise.all(
        chains.map(async (chain) => {
          const conclusion = conclusions.get(keyOf(chain));
          return conclusion !== undefined && (await each.isRight(conclusion));
        }),
      ),
    ),
  );
}

/** How many of a completion's tokens stand before its answer, counted by encoding them anew. */
export function describingTokens(
  { text, tokens }: { readonly text: string; readonly tokens: Int32Array },
  encode: (completion: string) => Int32Array,
): number {
  const start = answerStart(text);
  return start === text.length
    ? tokens.length
    : Math.min(encode(text.slice(0, start)).length - 1, tokens.length);
}
