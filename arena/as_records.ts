import type { Completion } from "../policy/port.ts";
import type { ParsedQuestion } from "../questioner/parse.ts";
import type { GivenAnswers } from "../reasoner/reasoner.ts";
import { type Verdict, voteOf } from "../reasoner/vote.ts";
import type { AnswerRecord, CompletionRecord, QuestionRecord } from "../replay/events.ts";

function completionRecord({ tokens, logProbs, text, finishReason }: Completion): CompletionRecord {
  return {
    tokens: [...tokens],
    logProbs: [...logProbs],
    text,
    finishReason,
  };
}

/** Every answer to one question, [m]; none where it was not asked. */
export function answerRecords(given: GivenAnswers | null): AnswerRecord[] {
  return (given?.answers ?? []).map((answer, i) => ({
    ...completionRecord(given?.completions[i] as Completion),
    outcome: answer.outcome,
    vote: voteOf(answer),
    failure: answer.outcome === "unparsed" ? answer.reason : null,
  }));
}

export function questionRecord(
  completion: Completion,
  parsed: ParsedQuestion,
  answers: GivenAnswers | null,
  verdict: Verdict | null,
): QuestionRecord {
  return {
    completion: completionRecord(completion),
    question: parsed.ok ? parsed.question : null,
    failure: parsed.ok ? null : parsed.reason,
    ownAnswer: parsed.ok ? parsed.answer : null,
    answers: answerRecords(answers),
    verdict,
  };
}
