import { vocabulary } from "../../images/scenes/vocabulary.ts";
import { embeddedSizes, writeNewModel } from "../new_model/model_folder.ts";
import { tokenIds, type WordTokenizer } from "../new_model/word_tokenizer.ts";

/** What the embedded model is told; its vocabulary has the words of these and of the scene questions. */
export const embeddedPrompts = {
  questioner: "ask .",
  reasoner: "{question}",
  describer: "describe .",
  reader: "{description} . {question}",
} as const;

/** Its longest completions (tokens). */
const maxTokens = { questioner: 32, reasoner: 32 } as const;

/** Scene questions stand in words with single spaces between them, and so do their answers. */
const tokenizer: WordTokenizer = {
  words: ["User:", "Assistant:", "ask", "describe", ".", ...vocabulary],
  spelling: {
    tags: [],
    normalizer: null,
    pre_tokenizer: { type: "WhitespaceSplit" },
    decoder: null,
  },
};

const ids = tokenIds(tokenizer);

/** The id of a word or tag of the embedded vocabulary. */
export function wordId(word: string): number {
  const id = ids[word];
  if (id === undefined) throw new RangeError(`"${word}" is not in the embedded vocabulary`);
  return id;
}

/** Writes the embedded model's folder, untrained: weights are drawn from a seed. */
export async function writeUntrainedModel(folder: string, seed: number): Promise<void> {
  const defaults = { prompts: embeddedPrompts, maxTokens };
  await writeNewModel(folder, { tokenizer, sizes: embeddedSizes, seed, defaults });
}
