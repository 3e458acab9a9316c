import { forkJoin, map, type Observable } from "rxjs";
import { blank } from "../images/image.ts";
import type { ParsedQuestion } from "../questioner/parse.ts";
import type { GivenAnswers } from "../reasoner/reasoner.ts";
import { blindAgreement, supportOf, type Verdict, vote } from "../reasoner/vote.ts";
import { duplicateShares } from "../rewards/diversity.ts";
import {
  type QuestionerReward,
  type QuestionerRewardOptions,
  questionerReward,
} from "../rewards/questioner.ts";
import type { QuestionerConfig } from "./config/questioner.ts";
import { type Asked, answer, type OpenQuestion, openQuestions } from "./dialogue.ts";
import { scoreReference } from "./learn.ts";
import type { Step } from "./step.ts";

/** One image's questions and what the Reasoner made of them; lists are [G], as the questions. */
export interface Interview {
  readonly asked: Asked;
  readonly answers: readonly (GivenAnswers | null)[];
  /** Empty where nobody asks blindly. */
  readonly blindAnswers: readonly (GivenAnswers | null)[];
  readonly reference: readonly Float32Array[] | null;
}

/** An interview with its verdicts, and its rewards, null where the Reasoner could not be asked. */
export interface Judged extends Interview {
  readonly verdicts: readonly (Verdict | null)[];
  readonly rewards: readonly (QuestionerReward | null)[];
}

/** The Reasoner answers every question about every image, sighted and blind, while the base scores them. */
export function interview(step: Step, asked: readonly Asked[]): Observable<Interview[]> {
  const { questioner: config, reasoner } = step.run.config;
  const sampling = { ...reasoner, temperature: config.answerTemperature };
  const sighted = asked.map(openQuestions);
  const blind = asked.map(config.blindAnswersPerQuestion > 0 ? blinded : () => []);
  return forkJoin({
    answers: answer(step, { purpose: "answer" }, sighted, config.answersPerQuestion, sampling),
    blindAnswers: answer(step, { purpose: "answerBlind" }, blind, config.blindAnswersPerQuestion, sampling),
    reference: scoreReference(step, asked, config),
  }).pipe(
    map(({ answers, blindAnswers, reference }) =>
      asked.map((each, i) => ({
        asked: each,
        answers: answers[i] ?? [],
        blindAnswers: blindAnswers[i] ?? [],
        reference: reference?.[i] ?? null,
      })),
    ),
  );
}

/** The same questions about a blank image. */
function blinded(asked: Asked): (OpenQuestion | null)[] {
  return openQuestions({ ...asked, image: blank(asked.image) });
}

/** Votes become verdicts, and verdicts rewards. */
export function judge(config: QuestionerConfig, interview: Interview): Judged {
  const { questions } = interview.asked;
  const options = rewardOptions(config);
  const verdicts = interview.answers.map((given) => given && vote(given.answers));
  const duplicates = duplicateShares(questions.map((parsed) => (parsed.ok ? parsed.question : "")));
  const rewards = questions.map((parsed, i) => {
    const verdict = verdicts[i] ?? null;
    if (parsed.ok && !verdict) return null;
    const blind = interview.blindAnswers[i];
    const evidence = {
      parsed: parsed.ok,
      form: parsed.ok ? parsed.format : 0,
      verdict,
      duplicateShare: duplicates[i] as number,
      blindAgreement: verdict && blind ? blindAgreement(verdict, vote(blind.answers)) : null,
      support: verdict && support(parsed, verdict),
    };
    return questionerReward(evidence, options);
  });
  return { ...interview, verdicts, rewards };
}

function rewardOptions({ reward }: QuestionerConfig): QuestionerRewardOptions {
  return {
    form: reward.form,
    lambda: reward.diversityWeight,
    thresholds: {
      parse: reward.minParsedShare,
      abstention: reward.maxAbstentionShare,
      blind: reward.maxBlindAgreement,
      support: reward.minSupport || null,
      grounding: null,
    },
  };
}

function support(parsed: ParsedQuestion, verdict: Verdict): number | null {
  return parsed.ok ? supportOf(verdict, parsed.question, parsed.answer) : null;
}
