import { type ConversationTokens, conversationTokens } from "../../policy/chat/conversation.ts";
import { Idefics3Processor, readTiling } from "../../policy/chat/idefics3_processor.ts";
import { Tokenizer } from "../../policy/chat/tokenizer.ts";
import { readIdefics3Config } from "../../policy/models/idefics3_config.ts";
import { SmolVlm } from "../../policy/models/smolvlm.ts";
import type { Turn } from "../../policy/port.ts";

/** Conversations in token ids by a SmolVLM's folder. */
export async function openConversations(folder: string): Promise<{
  readonly tokenizer: Tokenizer;
  readonly tokens: (turns: readonly Turn[]) => ConversationTokens;
}> {
  const config = await readIdefics3Config(folder);
  const tokenizer = await Tokenizer.load(folder);
  const processor = new Idefics3Processor(config, tokenizer, await readTiling(folder, config));
  const model = new SmolVlm(config);
  const prepare = processor.prepare.bind(processor);
  return {
    tokenizer,
    tokens: (turns) => conversationTokens({ turns }, { tokenizer, processor, model, prepare }),
  };
}
