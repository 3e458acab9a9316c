import type { RgbImage } from "../images/image.ts";
import type { Prompt } from "../policy/policy.ts";

/** What the Questioner is told; a setting, for the words that move a model differ from model to model. */
export interface QuestionerTemplates {
  readonly questioner: string;
}

/** For general vision-language models; it names the very tags that `parseQuestion` wants. */
export const defaultQuestionerTemplates: QuestionerTemplates = {
  questioner: `Look at the image and write one question about it.
The question must be answerable from the image alone, but not without the image, and have one short, checkable answer: a number, a word, a name or a short phrase. Prefer a question that takes careful looking and some reasoning: counting, comparing, reading, relating places. Do not give the answer away in the question.
Write the question inside <question> and </question>, then your own answer inside <answer> and </answer>, and nothing else:
<question> your question </question>
<answer> your short answer </answer>`,
};

/** What the Questioner is asked about an image. */
export function questionerPrompt(
  image: RgbImage,
  templates: QuestionerTemplates = defaultQuestionerTemplates,
): Prompt {
  return { image, text: templates.questioner };
}
