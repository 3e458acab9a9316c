import { type AnswerFormat, defaultFormat } from "../common/answer_format.ts";
import type { RgbImage } from "../images/image.ts";
import type { Prompt } from "../policy/port.ts";
import { promptAbout } from "../policy/prompts.ts";

/** What the Questioner is told; a setting, for the words that move a model differ from model to model. */
export interface QuestionerTemplates {
  readonly questioner: string;
  /** The form in which that asks for the question. */
  readonly format: AnswerFormat;
}

const task = `Look at the image and write one question about it.
The question must be answerable from the image alone, but not without the image, and have one short answer that can be checked. Prefer a question that takes careful looking and some reasoning: counting, comparing, reading, relating places. Do not give the answer away in the question.`;

/** For general vision-language models, by the form that they ask for: the very one that `parseQuestion` finds well-formed. */
export const questionerTemplates: Readonly<Record<AnswerFormat, string>> = {
  tags: `${task}
Write the question inside <question> and </question>, then your own answer inside <answer> and </answer>, and nothing else:
<question> your question </question>
<answer> your short answer </answer>`,
  boxed: `${task}
Write the question inside <question> and </question>, then your own answer inside \\boxed{}, and nothing else.`,
  line: `${task}
Write two lines and nothing else: one that begins with "Question:" and holds the question, and one that begins with "Answer:" and holds your own answer.`,
  plain: `${task}
Write only the question.`,
};

export const defaultQuestionerTemplates: QuestionerTemplates = {
  questioner: questionerTemplates[defaultFormat],
  format: defaultFormat,
};

/** What the Questioner is asked about an image. */
export function questionerPrompt(
  image: RgbImage,
  templates: QuestionerTemplates = defaultQuestionerTemplates,
): Prompt {
  return promptAbout(image, templates.questioner);
}
