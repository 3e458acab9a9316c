import { describe, expect, test } from "vitest";
import type { ChatMessage } from "../../policy/chat/chat_message.ts";
import { Tokenizer } from "../../policy/chat/tokenizer.ts";
import { readReference, referencePath } from "../reference_dir.ts";

interface Cases {
  readonly encode: readonly { text: string; ids: number[]; decoded: string; decoded_skip_special: string }[];
  readonly chat: readonly { messages: ChatMessage[]; add_generation_prompt: boolean; text: string }[];
}

describe.each(["smolvlm-tiny", "qwen2_5_vl-tiny", "qwen3_vl-tiny"])("the tokenizer of %s", async (model) => {
  const tokenizer = await Tokenizer.load(referencePath(model));
  const cases = readReference<Cases>(`${model}/tokenizer_cases.json`);

  test.each(cases.encode)("encodes and decodes $text", ({ text, ids, decoded, decoded_skip_special }) => {
    expect([...tokenizer.encode(text)]).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(decoded);
    expect(tokenizer.decode(ids, true)).toBe(decoded_skip_special);
  });

  test.each(cases.chat)("renders a chat", ({ messages, add_generation_prompt, text }) => {
    expect(tokenizer.renderChat(messages, add_generation_prompt)).toBe(text);
  });

  test("decodes sampled tokens, valid UTF-8 or not", () => {
    const sampled = readReference<Record<string, { greedy_ids_list?: number[]; greedy_text: string }>>(
      `${model}/cases.json`,
    );
    for (const { greedy_ids_list: ids, greedy_text: text } of Object.values(sampled)) {
      if (ids) expect(tokenizer.decode(ids)).toBe(text);
    }
  });
});
