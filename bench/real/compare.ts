import { readFile } from "node:fs/promises";
import { decodeFile } from "../../images/decode.ts";
import type { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import { wholePrompt } from "../../policy/embedded/stretch.ts";
import { promptAbout } from "../../policy/prompts.ts";
import type { Figures } from "../figures.ts";
import { openLocal } from "../prompts.ts";

/** What reference.py prints. */
export interface PythonAnswers {
  /** [prompts][tokens]; null where Python takes the text for a picture that is missing. */
  readonly ids: readonly (readonly number[] | null)[];
  /** Greedy answers to the first prompts, with log-probabilities. */
  readonly answers: readonly {
    readonly prompt: string;
    readonly tokens: readonly number[];
    readonly logProbs: readonly number[];
  }[];
}

/** Ids, greedy tokens and log-probabilities of a model folder beside those of transformers. */
export async function compare(
  model: string,
  picture: string,
  promptsFile: string,
  python: PythonAnswers,
): Promise<Figures> {
  const prompts: string[] = JSON.parse(await readFile(promptsFile, "utf8"));
  const image = await decodeFile(picture);
  await using policy = await openLocal(model, 2);
  const equal = prompts.filter((text, i) => sameIds(policy, promptAbout(image, text), python.ids[i] ?? null));
  const literal = prompts.filter((text) => spellsSpecial(policy, text));
  const unexplained = prompts.filter((text) => !equal.includes(text) && !literal.includes(text));

  let worst = 0;
  let greedy = 0;
  for (const { prompt, tokens, logProbs } of python.answers) {
    const asked = promptAbout(image, prompt);
    const options = { groupSize: 1, temperature: 0, topK: 0, topP: 1, maxTokens: tokens.length, seed: 0 };
    const [[own] = []] = await policy.sample([asked], options);
    if (own?.tokens.join() === tokens.join()) greedy++;
    const completions = [{ tokens: Int32Array.from(tokens) }];
    const [[scored] = []] = await policy.score([{ prompt: asked, completions }], {
      weights: "policy",
      temperature: 1,
    });
    logProbs.forEach((value, t) => {
      worst = Math.max(worst, Math.abs(value - (scored?.[t] as number)));
    });
  }
  return {
    prompts: { value: prompts.length, unit: "" },
    prompts_equal_ids: { value: equal.length, unit: "" },
    prompts_spelling_special_tokens: { value: literal.length, unit: "" },
    prompts_unequal_otherwise: { value: unexplained.length, unit: "" },
    answers: { value: python.answers.length, unit: "" },
    answers_equal_greedy_tokens: { value: greedy, unit: "" },
    log_prob_largest_difference: { value: worst, unit: "nats" },
  };
}

function sameIds(
  policy: LocalPolicy,
  prompt: Parameters<LocalPolicy["tokens"]>[0],
  ids: readonly number[] | null,
): boolean {
  return ids !== null && wholePrompt(policy.tokens(prompt)).tokens.join() === ids.join();
}

/** Whether a text spells a token that is none of ordinary text: it is taken literally here, obeyed in Python. */
function spellsSpecial({ tokenizer }: LocalPolicy, text: string): boolean {
  return [...tokenizer.special.keys()].some((token) => text.includes(token));
}
