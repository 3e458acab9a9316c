import { join, resolve } from "node:path";
import type { PreTrainedTokenizer } from "@xenova/transformers";
import { withTimeLimit } from "../../common/time_limit.ts";
import type { FunctionTool } from "../../common/tool_call.ts";
import { exists, type JsonFields, modelError, readModelJson, readModelText, show } from "../model_files.ts";

import type { ChatMessage } from "./chat_message.ts";
import { hasToolForm } from "./tool_form.ts";

/** Real ones stay below 300,000 tokens, 40 MB, 30 kB of template and a few milliseconds. */
const maxVocabulary = 2 ** 20;
const maxVocabularyBytes = 256 * 2 ** 20;
const maxTemplateBytes = 2 ** 20;
const templateMs = 2000;

/** Stands inside special tokens that `literal` takes apart; a noncharacter, never part of real text. */
const cut = "\uFFFF";
/** Stands for a turn of the policy's own, whose tokens are known; likewise never part of real text. */
export const ownTurnMark = "\uFFFE";

/**
 * The tokenizer and chat template of a Hugging Face model folder, equal to Python's. Loaded from the folder alone:
 * the network is never asked.
 */
export class Tokenizer {
  /** Special tokens and their ids. */
  readonly special: ReadonlyMap<string, number>;
  /** Where the chat template stands, for messages. */
  readonly templateFile: string;
  readonly #folder: string;
  readonly #tokenizer: PreTrainedTokenizer;
  readonly #template: string | null;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #known: ReadonlySet<number>;
  /** Every place where a special token starts. */
  readonly #specialStart: RegExp;
  #hasToolForm = false;

  private constructor(folder: string, tokenizer: PreTrainedTokenizer, template: Template) {
    this.#folder = folder;
    this.#tokenizer = tokenizer;
    this.templateFile = template.file;
    this.#template = template.text;
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
   * else tokenizer_config.json). Throws a `VisplayError` of code "model" if one is missing or broken, an id is not
   * below `vocabSize`, or the template does not render a turn of an image and a text.
   */
  static async load(folder: string, vocabSize: number = maxVocabulary): Promise<Tokenizer> {
    const vocabulary = join(folder, "tokenizer.json");
    const config = await readModelJson(join(folder, "tokenizer_config.json"));
    requireIds(await readModelJson(vocabulary, maxVocabularyBytes), config, vocabSize);
    const template = await readTemplate(folder, config);
    const { AutoTokenizer, env } = await import("@xenova/transformers");
    env.allowRemoteModels = false;
    let loaded: Tokenizer;
    try {
      const tokenizer = await AutoTokenizer.from_pretrained(resolve(folder), { local_files_only: true });
      loaded = new Tokenizer(folder, tokenizer, template);
    } catch (error) {
      throw modelError(vocabulary, `not a tokenizer that can be read (${(error as Error).message})`, error);
    }
    loaded.#tryTemplate();
    loaded.#hasToolForm = loaded.#tryTools();
    return loaded;
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
    return text.replace(/[\uFFFE\uFFFF]/g, "").replace(this.#specialStart, `$&${cut}`);
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

  /** Whether an id names a token. */
  knows(id: number): boolean {
    return this.#known.has(id);
  }

  /** Whether the chat template has a form for tools, for their calls, and for what they answer. */
  get hasToolForm(): boolean {
    return this.#hasToolForm;
  }

  /**
   * A conversation in the model's chat template, ending where the assistant speaks next if asked to. The template tells of
   * `tools` where it has a form for them.
   */
  renderChat(
    messages: readonly ChatMessage[],
    addGenerationPrompt: boolean,
    tools: readonly FunctionTool[] = [],
  ): string {
    const conversation = messages.map((message) => ({ ...message, content: [...message.content] }));
    try {
      return this.#tokenizer.apply_chat_template(conversation, {
        tokenize: false,
        chat_template: this.#template,
        add_generation_prompt: addGenerationPrompt,
        ...(tools.length > 0 && { tools: [...tools] }),
      });
    } catch (error) {
      throw modelError(this.templateFile, `the chat template fails: ${(error as Error).message}`, error);
    }
  }

  /** Throws where the template fails, runs for too long or writes too much, as a hostile one may. */
  #tryTemplate(): void {
    const content = [{ type: "image" }, { type: "text", text: "?" }] as const;
    const render = (): number => this.renderChat([{ role: "user", content }], true).length;
    let length: number;
    try {
      length = withTimeLimit(templateMs, render);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      throw modelError(this.templateFile, `the chat template does not end within ${templateMs} ms`, error);
    }
    if (length > maxTemplateBytes)
      throw modelError(this.templateFile, `the chat template writes ${length} characters for one question`);
  }

  /** A template that runs for too long with tools is one without a form for them. */
  #tryTools(): boolean {
    try {
      return withTimeLimit(templateMs, () => hasToolForm(this.renderChat.bind(this)));
    } catch {
      return false;
    }
  }
}

/** Where a template stands, and what it is; null leaves it to tokenizer_config.json. */
interface Template {
  readonly file: string;
  readonly text: string | null;
}

async function readTemplate(folder: string, config: JsonFields): Promise<Template> {
  const jinja = join(folder, "chat_template.jinja");
  if (await exists(jinja)) return { file: jinja, text: await readModelText(jinja, maxTemplateBytes) };
  const json = join(folder, "chat_template.json");
  const own = await exists(json);
  const fields = own ? await readModelJson(json, maxTemplateBytes) : config;
  const template = fields.get("chat_template");
  if (typeof template === "string" && template.length <= maxTemplateBytes)
    return { file: fields.file, text: template };
  if (!own && Array.isArray(template)) return { file: fields.file, text: null };
  const elsewhere = own ? "" : ", here, in chat_template.json or in chat_template.jinja";
  throw fields.error(
    "chat_template",
    `a Jinja template of at most ${maxTemplateBytes} characters${elsewhere}`,
  );
}

/** Refuses ids that no embedding has: tables are made as long as the largest. */
function requireIds(tokenizer: JsonFields, config: JsonFields, vocabSize: number): void {
  const expected = `a whole number from 0 to ${vocabSize - 1}`;
  const valid = (id: unknown): boolean =>
    Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabSize;
  const model = tokenizer.section("model");
  if (!Array.isArray(model.get("vocab"))) {
    const vocab = model.section("vocab");
    for (const [token, id] of Object.entries(vocab.values))
      if (!valid(id)) throw vocab.error(token, expected);
  }
  const added = tokenizer.get("added_tokens") ?? [];
  const wrong = Array.isArray(added) ? added.find((token) => !valid(token?.id)) : added;
  if (wrong !== undefined)
    throw modelError(
      tokenizer.file,
      `added_tokens holds ${show(wrong)}; expected objects whose id is ${expected}`,
    );
  const decoder = config.optionalSection("added_tokens_decoder");
  for (const id of Object.keys(decoder?.values ?? {}))
    if (!valid(Number(id))) throw decoder?.error(id, `a key that is ${expected}`);
}
