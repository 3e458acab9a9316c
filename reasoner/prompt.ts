import { type AnswerFormat, defaultFormat } from "../common/answer_format.ts";
import { VisplayError } from "../common/errors.ts";
import type { RgbImage } from "../images/image.ts";
import type { Prompt } from "../policy/port.ts";
import { type FirstPrompt, promptAbout, promptOf } from "../policy/prompts.ts";

/** What the Reasoner is told; `{question}` stands for the question. */
export interface ReasonerTemplates {
  readonly reasoner: string;
  /** The form in which that asks for the answer. */
  readonly format: AnswerFormat;
}

/** What it is told where it answers in two steps: sees and describes, then answers without the picture. */
export interface DescriptionTemplates {
  /** Asks what a picture shows of what a question needs; may name `{question}`. */
  readonly describer: string;
  /** Asks the `{question}` about a `{description}` alone. */
  readonly reader: string;
  /** The form in which that asks for the answer. */
  readonly format: AnswerFormat;
}

/** What a question is answered from. */
type Source = "image" | "description";

const tasks: Readonly<Record<Source, string>> = {
  image: "Look at the image and answer the question.\nQuestion: {question}",
  description:
    "This is how somebody described an image that you cannot see:\n{description}\n\nAnswer the question from the description alone.\nQuestion: {question}",
};

function short(source: Source): string {
  return `as short as possible. If the question offers choices, answer with the letter. If the ${source} does not show what is needed, answer with the word unanswerable.`;
}

/** For general vision-language models, by the form that they ask for: the very one that `parseAnswer` finds well-formed. */
function templatesFor(source: Source): Readonly<Record<AnswerFormat, string>> {
  const task = tasks[source];
  return {
    tags: `${task}
First think step by step inside <think> and </think>. Then write only the final answer inside <answer> and </answer>, ${short(source)}
<think> what you see and how it leads to the answer </think>
<answer> your short answer </answer>`,
    boxed: `${task}
Think step by step, and end with the final answer inside \\boxed{}, ${short(source)}`,
    line: `${task}
Think step by step, and end with a line that begins with "Answer:" and holds only the final answer, ${short(source)}`,
    plain: `${task}
Write only the answer, ${short(source)}`,
  };
}

export const reasonerTemplates: Readonly<Record<AnswerFormat, string>> = templatesFor("image");
export const readerTemplates: Readonly<Record<AnswerFormat, string>> = templatesFor("description");

export const describerTemplate = `Look at the image and describe all that one has to know of it to answer the question below: which things there are, how many, what they look like, where they are, and any text, word by word. Do not answer the question; somebody else will, who cannot see the image.
Question: {question}`;

export const defaultReasonerTemplates: ReasonerTemplates = {
  reasoner: reasonerTemplates[defaultFormat],
  format: defaultFormat,
};

/** Throws a `VisplayError` of code "config" if a template has no place for what it has to name. */
export function requirePlaces(name: string, template: string, places: readonly string[]): void {
  for (const place of places) {
    if (template.includes(`{${place}}`)) continue;
    const message = `the template \`${name}\` never mentions {${place}}; put it where the ${place} belongs (prompts.${name})`;
    throw new VisplayError("config", message);
  }
}

/**
 * What the Reasoner is asked about an image: one text for measuring difficulty, labelling and training.
 * Throws as `requirePlaces` does.
 */
export function reasonerPrompt(
  image: RgbImage,
  question: string,
  templates: ReasonerTemplates = defaultReasonerTemplates,
): FirstPrompt {
  requirePlaces("reasoner", templates.reasoner, ["question"]);
  return promptAbout(image, reasonerText(question, templates));
}

/** The words of that. */
export function reasonerText(question: string, { reasoner }: Pick<ReasonerTemplates, "reasoner">): string {
  return filled(reasoner, { question });
}

/** What the Reasoner is asked for a description of an image that suffices for a question. */
export function describerPrompt(
  image: RgbImage,
  question: string,
  { describer }: Pick<DescriptionTemplates, "describer">,
): Prompt {
  return promptAbout(image, filled(describer, { question }));
}

/** What the Reasoner is asked about a description alone. */
export function readerPrompt(
  description: string,
  question: string,
  { reader }: Pick<DescriptionTemplates, "reader">,
): Prompt {
  return promptOf(filled(reader, { description, question }));
}

/** A template with words in the places of their names; what stands in those words is no place. */
function filled(template: string, words: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (place, name: string) => words[name] ?? place);
}
