/** Tokens of the chat template and of images, by id. */
export const specialTokens = [
  "<pad>",
  "<unk>",
  "<|im_start|>",
  "<end_of_utterance>",
  "<image>",
  "<fake_token_around_image>",
  "<global-img>",
] as const;

export type SpecialToken = (typeof specialTokens)[number];

/** A tokenizer whose tokens are the words of a list. */
export interface WordTokenizer {
  /** By id, after the special tokens. */
  readonly words: readonly string[];
  readonly spelling: Spelling;
}

/** How text is taken apart into words, and how words become text again. */
export interface Spelling {
  /** Words that are found wherever they stand in a text, before all others, with the white space around them. */
  readonly tags: readonly string[];
  /** As tokenizer.json has them. */
  readonly normalizer: object | null;
  readonly pre_tokenizer: object;
  readonly decoder: object | null;
}

/** The ids of all tokens. */
export function tokenIds({ words }: WordTokenizer): Readonly<Record<string, number>> {
  return Object.fromEntries([...specialTokens, ...words].map((token, id) => [token, id]));
}

/** tokenizer.json and tokenizer_config.json. */
export function tokenizerFiles(tokenizer: WordTokenizer, positions: number): Record<string, unknown> {
  const vocab = tokenIds(tokenizer);
  const { tags, normalizer, pre_tokenizer, decoder } = tokenizer.spelling;
  // Of special tokens, transformers' processor has its own, with no white space around them.
  const added = (content: string, special: boolean) => ({
    id: vocab[content],
    content,
    single_word: false,
    lstrip: !special,
    rstrip: !special,
    normalized: false,
    special,
  });
  return {
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: [
        ...specialTokens.map((token) => added(token, true)),
        ...tags.map((tag) => added(tag, false)),
      ],
      normalizer,
      pre_tokenizer,
      post_processor: null,
      decoder,
      model: { type: "WordLevel", vocab, unk_token: "<unk>" },
    },
    "tokenizer_config.json": {
      tokenizer_class: "PreTrainedTokenizerFast",
      bos_token: "<|im_start|>",
      eos_token: "<end_of_utterance>",
      pad_token: "<pad>",
      unk_token: "<unk>",
      additional_special_tokens: specialTokens.slice(4),
      clean_up_tokenization_spaces: false,
      model_max_length: positions,
    },
  };
}
