import type { Completion } from "../policy/port.ts";
import type { AskedQuestion } from "../questioner/questioner.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import { type Verdict, voteOf } from "../reasoner/vote.ts";
import type { AnswerRecord, CompletionRecord, QuestionRecord } from "../replay/events.ts";
import type { GivenAnswers } from "./answerer.ts";
import type { Step } from "./step.ts";
import { trajectoryRecord } from "./trajectories.ts";

function completionRecord({ tokens, logProbs, text, finishReason }: Completion): CompletionRecord {
  return { tokens: [...tokens], logProbs: [...logProbs], text, finishReason };
}

/** An answer as the replay keeps it. */
export function answerRecord(
  { completion, parsed }: Answer,
  { trajectory, verified }: Pick<AnswerRecord, "trajectory" | "verified">,
): AnswerRecord {
  return {
    ...completionRecord(completion),
    outcome: parsed.outcome,
    vote: voteOf(parsed),
    failure: parsed.outcome === "unparsed" ? parsed.reason : null,
    trajectory,
    verified,
  };
}

/** Every answer to one question, [m]; none where it was not asked. */
export function answerRecords(step: Step, given: GivenAnswers | null): AnswerRecord[] {
  return (given?.answers ?? []).map((answer) => {
    const trajectory = answer.trajectory && trajectoryRecord(step, answer.trajectory, null);
    return answerRecord(answer, { trajectory, verified: answer.verified ?? null });
  });
}

/** A question as the replay keeps it, with its answers and what they amount to; nulls where it was not asked. */
export function questionRecord(
  step: Step,
  { completion, parsed }: AskedQuestion,
  answers: GivenAnswers | null,
  verdict: Verdict | null,
): QuestionRecord {
  return {
    completion: completionRecord(completion),
    question: parsed.ok ? parsed.question : null,
    failure: parsed.ok ? null : parsed.reason,
    ownAnswer: parsed.ok ? parsed.answer : null,
    answers: answerRecords(step, answers),
    verdict,
  };
}
