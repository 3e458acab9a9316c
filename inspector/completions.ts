import type { CompletionRecord, EpisodeEvent } from "../replay/events.ts";

/** Every completion of an episode: those of its rollouts, each with the answers to it behind it, blind ones last. */
export function completionsOf(event: EpisodeEvent): CompletionRecord[] {
  if (event.type === "reasonerEpisode") return [...event.rollouts];
  const questions = event.type === "questionerEpisode" ? event.rollouts : event.questions;
  return questions.flatMap(({ completion, answers, blindAnswers = [] }) => [
    completion,
    ...answers,
    ...blindAnswers,
  ]);
}
