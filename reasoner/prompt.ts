import { type AnswerFormat, defaultFormat } from "../common/answer_format.ts";
import { VisplayError } from "../common/errors.ts";
import type { RgbImage } from "../images/image.ts";
import { type FirstPrompt, promptAbout } from "../policy/prompts.ts";

/** What the Reasoner is told; `{question}` stands for the question. */
export interface ReasonerTemplates {
  readonly reasoner: string;
  /** The form in which that asks for the answer. */
  readonly format: AnswerFormat;
}

const task = "Look at the image and answer the question.\nQuestion: {question}";
const short =
  "as short as possible. If the question offers choices, answer with the letter. If the image does not show what is needed, answer with the word unanswerable.";

/** For general vision-language models, by the form that they ask for: the very one that `parseAnswer` finds well-formed. */
export const reasonerTemplates: Readonly<Record<AnswerFormat, string>> = {
  tags: `${task}
First think step by step inside <think> and </think>. Then write only the final answer inside <answer> and </answer>, ${short}
<think> what you see and how it leads to the answer </think>
<answer> your short answer </answer>`,
  boxed: `${task}
Think step by step, and end with the final answer inside \\boxed{}, ${short}`,
  line: `${task}
Think step by step, and end with a line that begins with "Answer:" and holds only the final answer, ${short}`,
  plain: `${task}
Write only the answer, ${short}`,
};

export const defaultReasonerTemplates: ReasonerTemplates = {
  reasoner: reasonerTemplates[defaultFormat],
  format: defaultFormat,
};

/** Throws a `VisplayError` of code "config" if a template has no place for the question. */
export function requireQuestion(template: string): void {
  if (template.includes("{question}")) return;
  throw new VisplayError(
    "config",
    "the template `reasoner` never mentions {question}; put it where the question belongs (prompts.reasoner)",
  );
}

/**
 * What the Reasoner is asked about an image: one text for measuring difficulty, labelling and training.
 * Throws as `requireQuestion` does.
 */
export function reasonerPrompt(
  image: RgbImage,
  question: string,
  templates: ReasonerTemplates = defaultReasonerTemplates,
): FirstPrompt {
  requireQuestion(templates.reasoner);
  return promptAbout(image, reasonerText(question, templates));
}

/** The words of that. */
export function reasonerText(question: string, { reasoner }: Pick<ReasonerTemplates, "reasoner">): string {
  return reasoner.replaceAll("{question}", () => question);
}
