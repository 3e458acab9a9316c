import type {
  AnswerRecord,
  CompletionRecord,
  CurriculumEpisode,
  CurriculumQuestion,
  QuestionerEpisode,
  QuestionerRollout,
  ReasonerEpisode,
  ReasonerRollout,
} from "./events.ts";

/** What was sampled from one prompt, with all that became of it. */
export type Rollout = QuestionerRollout | CurriculumQuestion | ReasonerRollout;

/** An episode's rollouts, whatever its type calls them. */
export function rolloutsOf(
  event: QuestionerEpisode | CurriculumEpisode | ReasonerEpisode,
): readonly Rollout[] {
  return event.type === "curriculumEpisode" ? event.questions : event.rollouts;
}

/** The completion that a rollout is about: the question as it was asked, or the answer. */
export function completionOf(rollout: Rollout): CompletionRecord {
  return "completion" in rollout ? rollout.completion : rollout;
}

/** The answers that a rollout's question was given, and the blind ones. */
export function answersOf(rollout: Rollout): { readonly answer: AnswerRecord; readonly blind: boolean }[] {
  if (!("completion" in rollout)) return [];
  return [
    ...rollout.answers.map((answer) => ({ answer, blind: false })),
    ...rollout.blindAnswers.map((answer) => ({ answer, blind: true })),
  ];
}
