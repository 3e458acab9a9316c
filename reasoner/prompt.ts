import { VisplayError } from "../common/errors.ts";
import type { RgbImage } from "../images/image.ts";
import type { Prompt } from "../policy/policy.ts";

/** What the Reasoner is told; `{question}` stands for the question. */
export interface ReasonerTemplates {
  readonly reasoner: string;
}

/** For general vision-language models; it names the very tags and the word that `parseAnswer` wants. */
export const defaultReasonerTemplates: ReasonerTemplates = {
  reasoner: `Look at the image and answer the question.
Question: {question}
First think step by step inside <think> and </think>. Then write only the final answer, as short as possible, inside <answer> and </answer>. If the question offers choices, answer with the letter. If the image does not show what is needed, answer with the word unanswerable.
<think> what you see and how it leads to the answer </think>
<answer> your short answer </answer>`,
};

/**
 * What the Reasoner is asked about an image: one text for measuring difficulty, labelling and training.
 * Throws a `VisplayError` of code "config" if the template has no place for the question.
 */
export function reasonerPrompt(
  image: RgbImage,
  question: string,
  templates: ReasonerTemplates = defaultReasonerTemplates,
): Prompt {
  if (!templates.reasoner.includes("{question}")) {
    throw new VisplayError(
      "config",
      "the template `reasoner` never mentions {question}; put it where the question belongs",
    );
  }
  return { image, text: templates.reasoner.replaceAll("{question}", () => question) };
}
