/** How a completion marks what is meant to be read: by tags, in \boxed{}, in a line of its own, or not at all. */
export const answerFormats = ["tags", "boxed", "line", "plain"] as const;

export type AnswerFormat = (typeof answerFormats)[number];

/** What is asked for where nobody says otherwise. */
export const defaultFormat: AnswerFormat = "tags";

/**
 * How much of the wanted form a completion has, 0 to 1, for rewards that teach the form: all of it; the wanted marks
 * with something around, missing or doubled; another format's marks, which could be read all the same.
 */
export const formShare = { exact: 1, forgiven: 0.5, foreign: 0.25 } as const;
