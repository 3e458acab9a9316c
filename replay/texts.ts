import type { EpisodeEvent } from "./events.ts";
import { answersOf, completionOf, rolloutsOf } from "./rollouts.ts";

/** What full-text search looks through: every question and every answer once. */
export function textsOf(event: EpisodeEvent): { readonly question: string; readonly answers: string } {
  const rollouts = rolloutsOf(event);
  const answers = rollouts.flatMap((rollout) => answersOf(rollout).map(({ answer }) => answer.text));
  const completions = rollouts.map(completionOf).map(({ text }) => text);
  const questions = rollouts.map(
    (rollout, i) => ("question" in rollout && rollout.question) || completions[i],
  );
  const lines = (texts: readonly (string | undefined)[]) => [...new Set(texts)].join("\n");
  return event.type === "reasonerEpisode"
    ? { question: event.question, answers: lines([...completions, event.label ?? ""]) }
    : { question: lines(questions), answers: lines(answers) };
}
