import type { AnswerRecord, CompletionRecord, Health } from "../replay/events.ts";
import { duplicateShares } from "../rewards/diversity.ts";
import { entropy, mean, shareOf, talliesOf } from "./statistics.ts";

/** A question, null where it did not parse, and the answers to it, none where it was not asked. */
interface Answered {
  readonly question: string | null;
  readonly answers: readonly (Pick<AnswerRecord, "outcome" | "vote"> & Partial<Ending>)[];
  /** That the question was read from. */
  readonly completion?: Ending;
}

type Ending = Pick<CompletionRecord, "finishReason">;

/** Images whose clusters are looked at: with the steps of a window enough to tell, in a few milliseconds each. */
const CLUSTERED_IMAGES = 8;

/** The signs of collapse in what was asked about images and answered, [images][G]. */
export function healthOf(images: readonly (readonly Answered[])[]): Health {
  return { ...answersHealth(images), ...questionsHealth(images) };
}

/** The same where the questions were given. */
export function healthOfAnswers(prompts: readonly Answered[]): Health {
  const nobodyAsked = {
    malformedQuestions: null,
    clusterShare: null,
    templateShare: null,
    cutQuestions: null,
  };
  return { ...answersHealth(prompts.map((prompt) => [prompt])), ...nobodyAsked };
}

type QuestionFigure = "malformedQuestions" | "clusterShare" | "templateShare" | "cutQuestions";

function answersHealth(images: readonly (readonly Answered[])[]): Omit<Health, QuestionFigure> {
  const answers = images.flat().flatMap((each) => each.answers);
  const votes = talliesOf(answers.map(({ vote }) => vote).filter((vote) => vote !== null));
  const majorities = images.flatMap((asked) => withoutRepeats(asked).flatMap(majority));
  return {
    answerEntropy: votes.size === 0 ? null : entropy([...votes.values()]),
    distinctAnswers: votes.size,
    commonestAnswer: commonestShare(majorities),
    parseFailures: nullIfNone(answers, ({ vote }) => vote === null),
    abstentions: nullIfNone(answers, ({ outcome }) => outcome === "abstained"),
    cutAnswers: nullIfNone(answers, isCut),
  };
}

function questionsHealth(images: readonly (readonly Answered[])[]): Pick<Health, QuestionFigure> {
  const byImage = images.map((asked) => asked.flatMap(({ question }) => question ?? []));
  const several = byImage.filter((questions) => questions.length > 1).slice(0, CLUSTERED_IMAGES);
  const largest = several.map((questions) => Math.max(...duplicateShares(questions)));
  return {
    malformedQuestions: nullIfNone(images.flat(), ({ question }) => question === null),
    clusterShare: largest.length === 0 ? null : mean(largest),
    templateShare: commonestShare(byImage.flat().map(firstWords)),
    cutQuestions: nullIfNone(
      images.flat().flatMap(({ completion }) => completion ?? []),
      isCut,
    ),
  };
}

function isCut({ finishReason }: Partial<Ending>): boolean {
  return finishReason === "length";
}

/** The questions about one image without those that were asked before in the same words. */
function withoutRepeats(asked: readonly Answered[]): Answered[] {
  const seen = new Set<string | null>();
  return asked.filter(({ question }) => !seen.has(question) && seen.add(question));
}

/** The answer with most votes, the first of them on a tie; nothing where there was no vote. */
function majority({ answers }: Answered): string[] {
  const votes = [...talliesOf(answers.flatMap(({ vote }) => vote ?? []))];
  const most = Math.max(...votes.map(([, count]) => count));
  const winner = votes.find(([, count]) => count === most);
  return winner ? [winner[0]] : [];
}

function firstWords(question: string): string {
  return question.toLowerCase().split(/\s+/, 3).join(" ");
}

function commonestShare(values: readonly string[]): number | null {
  return values.length === 0 ? null : Math.max(...talliesOf(values).values()) / values.length;
}

function nullIfNone<T>(items: readonly T[], holds: (item: T) => boolean): number | null {
  return items.length === 0 ? null : shareOf(items, holds);
}
