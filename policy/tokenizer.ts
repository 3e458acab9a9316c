import { access, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { PreTrainedTokenizer } from "@xenova/transformers";
import { exists, modelError, reading, readModelJson, show } from "./model_files.ts";

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: readonly ChatPart[];
}

export type ChatPart = { readonly type: "image" } | { readonly type: "text"; readonly text: string };

/** Stands inside special tokens that `literal` takes apart; a noncharacter, never part of real text. */
const cut = "\uFFFF";

/**
 * The tokenizer and chat template of a Hugging Face model folder, equal to Python's. Loaded from the folder alone:
 * the network is never asked.
 */
export class Tokenizer {
  /** Special tokens and their ids. */
  readonly special: ReadonlyMap<string, number>;
  readonly #folder: string;
  readonly #tokenizer: PreTrainedTokenizer;
  readonly #template: string | null;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #known: ReadonlySet<number>;
  /** Every place where a special token starts. */
  readonly #specialStart: RegExp;

  private constructor(folder: string, tokenizer: PreTrainedTokenizer, template: string | null) {
    this.#folder = folder;
    this.#tokenizer = tokenizer;
    this.#template = template;
    this.#ids = tokenizer.get_vocab();
    this.#known = new Set(this.#ids.values());
    this.special = new Map(tokenizer.all_special_tokens.map((token) => [token, this.id(token)]));
    const alternatives = [...this.special.keys()].map((token) =>
      token.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"),
    );
    this.#specialStart = new RegExp(`(?=${alternatives.join("|") || "(?!)"}).`, "gsu");
  }

  /**
   * Reads tokenizer.json, tokenizer_config.json and the chat template (chat_template.jinja, else chat_template.json,
   * else tokenizer_config.json). Throws a `VisplayError` of code "model" if one is missing or broken.
   */
  static async load(folder: string): Promise<Tokenizer> {
    const vocabulary = join(folder, "tokenizer.json");
    const config = await readModelJson(join(folder, "tokenizer_config.json"));
    await reading(vocabulary, () => access(vocabulary));
    const template = await readTemplate(folder);
    if (template === null && config.get("chat_template") === undefined) {
      throw config.error(
        "chat_template",
        "a chat template here, in chat_template.json or in chat_template.jinja",
      );
    }
    const { AutoTokenizer, env } = await import("@xenova/transformers");
    env.allowRemoteModels = false;
    try {
      const tokenizer = await AutoTokenizer.from_pretrained(resolve(folder), { local_files_only: true });
      return new Tokenizer(folder, tokenizer, template);
    } catch (error) {
      throw modelError(vocabulary, `not a tokenizer that can be read (${(error as Error).message})`, error);
    }
  }

  /** The ids of a text, special tokens recognised and none added. */
  encode(text: string): Int32Array {
    const ids = text
      .split(cut)
      .flatMap((part) => this.#tokenizer.encode(part, { add_special_tokens: false }));
    return Int32Array.from(ids);
  }

  /**
   * A text that `encode` reads character by character even where it spells a special token: for what users and
   * models wrote, so that it cannot end its turn or pose as an image. Decoding gives the text back.
   */
  literal(text: string): string {
    return text.replaceAll(cut, "").replace(this.#specialStart, `$&${cut}`);
  }

  /** The text of ids, optionally without special tokens; ids beyond the vocabulary are left out, as in Python. */
  decode(ids: Iterable<number>, skipSpecial = false): string {
    const known = [...ids].filter((id) => this.#known.has(id));
    if (known.length === 0) return "";
    return this.#tokenizer.decode(known, {
      skip_special_tokens: skipSpecial,
      clean_up_tokenization_spaces: false,
    });
  }

  /** The id of one token; throws a `VisplayError` of code "model" if the vocabulary lacks it. */
  id(token: string): number {
    const id = this.#ids.get(token);
    if (id === undefined)
      throw modelError(join(this.#folder, "tokenizer.json"), `has no token ${show(token)}`);
    return id;
  }

  /** A conversation in the model's chat template, ending where the assistant speaks next if asked to. */
  renderChat(messages: readonly ChatMessage[], addGenerationPrompt: boolean): string {
    const conversation = messages.map(({ role, content }) => ({ role, content: [...content] }));
    try {
      return this.#tokenizer.apply_chat_template(conversation, {
        tokenize: false,
        chat_template: this.#template,
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (error) {
      throw modelError(this.#folder, `the chat template fails: ${(error as Error).message}`, error);
    }
  }
}

/** The template of a file of its own; null where there is none. */
async function readTemplate(folder: string): Promise<string | null> {
  const jinja = join(folder, "chat_template.jinja");
  if (await exists(jinja)) return reading(jinja, () => readFile(jinja, "utf8"));
  const json = join(folder, "chat_template.json");
  if (!(await exists(json))) return null;
  const fields = await readModelJson(json);
  const template = fields.get("chat_template");
  if (typeof template !== "string") throw fields.error("chat_template", "a Jinja template");
  return template;
}
