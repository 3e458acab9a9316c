import { VisplayError } from "../../common/errors.ts";
import type { FunctionTool } from "../../common/tool_call.ts";
import { zip } from "../../common/zip.ts";
import type { RgbImage } from "../../images/image.ts";
import { modelError } from "../model_files.ts";
import type { ImageProcessor, PreparedImage, VisionLanguageModel } from "../models/vision_language_model.ts";
import type { Continuation, Prompt, Turn } from "../port.ts";
import { imagesIn } from "../prompts.ts";
import type { ChatMessage } from "./chat_message.ts";
import { ownTurnMark, type Tokenizer } from "./tokenizer.ts";

/** Places from `start` to before `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** An image among tokens. */
export type Shown<I> = I & {
  /** The place of its first image token. */
  readonly start: number;
};

/** A conversation in token ids. */
export interface ConversationTokens {
  readonly ids: Int32Array;
  /** In the order of their tokens. */
  readonly images: readonly Shown<PreparedImage>[];
  /** Where each of the policy's own turns lies. */
  readonly own: readonly Span[];
}

/** What makes token ids of turns. */
export interface ConversationTools {
  readonly tokenizer: Tokenizer;
  readonly processor: ImageProcessor;
  readonly model: Pick<VisionLanguageModel, "config" | "rows">;
  readonly prepare: (image: RgbImage) => PreparedImage;
}

/**
 * A conversation as a model takes it: up to where the policy speaks next, or to the end of its own last turn. Throws a
 * `VisplayError` of code "images" where an image does not fit the model, "prompt" where a text cannot be read or the
 * whole leaves no room in the model's context, and "model" where the chat template cannot hold such turns or tools.
 */
export function conversationTokens(
  conversation: Prompt,
  { tokenizer, processor, model, prepare }: ConversationTools,
): ConversationTokens {
  const { turns } = conversation;
  const { eosTokenIds, imageTokenId, text } = model.config;
  const images = imagesIn(turns).map(prepare);
  const said = turns.flatMap((turn) => (turn.role === "assistant" ? [turn.tokens] : []));
  const parts: Int32Array[] = [];
  const own: Span[] = [];
  const starts: number[] = [];
  let length = 0;
  const add = (ids: Int32Array): void => {
    parts.push(ids);
    length += ids.length;
  };
  const texts = renderTurns(conversation, tokenizer);
  for (const [k, written] of showImages(texts, images, processor.imageToken, tokenizer).entries()) {
    const ids = withoutRepeatedEnd(encode(written, tokenizer), said[k - 1], eosTokenIds);
    starts.push(...imageStarts(ids, imageTokenId, images.slice(starts.length), model).map((t) => length + t));
    add(ids);
    const tokens = said[k];
    if (tokens === undefined) continue;
    own.push({ start: length, end: length + tokens.length });
    add(tokens);
  }
  const room = text.maxPositions - (turns.at(-1)?.role === "assistant" ? 0 : 1);
  if (length > room)
    throw new VisplayError(
      "prompt",
      `a prompt of ${length} tokens leaves no room for an answer in the model's ${text.maxPositions}; shorten it, or reduce model.maxPixels`,
    );
  const shown = zip(images, starts).map(([image, start]) => ({ ...image, start }));
  return { ids: concatTokens(...parts), images: shown, own };
}

/** The policy's turns, and those that it observed between them. */
export function turnsOf({ tokens, observations = [] }: Continuation): Turn[] {
  const starts = [0, ...observations.map(({ after }) => after)];
  return starts.flatMap((start, k) => [
    ...(observations[k - 1]?.turns ?? []),
    { role: "assistant" as const, tokens: tokens.subarray(start, starts[k + 1]) },
  ]);
}

/** Where each of some images begins in tokens that show it, up to their end. */
function imageStarts(
  ids: Int32Array,
  imageTokenId: number,
  images: readonly PreparedImage[],
  model: ConversationTools["model"],
): number[] {
  const starts: number[] = [];
  let left = 0;
  for (const [t, id] of ids.entries()) {
    if (id !== imageTokenId) continue;
    const image = images[starts.length];
    if (left === 0 && image !== undefined) {
      starts.push(t);
      left = model.rows(image.shape);
    }
    left--;
  }
  return starts;
}

/**
 * What the template writes before, between and behind the policy's own turns: one text more than there are such turns, or
 * as many where the last turn is its own. Each ends as it did when the policy went on from there. Conversations grow turn by
 * turn, so that what is compared is the last step: what was asked before the newest own turn with what it is now.
 */
function renderTurns({ turns, tools = [] }: Prompt, tokenizer: Tokenizer): string[] {
  if (tools.length > 0 && !tokenizer.hasToolForm)
    throw modelError(
      tokenizer.templateFile,
      "the chat template has no form for tools; expected one that tells of them",
    );
  const told = tools.map((tool) => literalTexts(tool, tokenizer));
  const messages = turns.map((turn): ChatMessage => {
    if (turn.role === "assistant") return { role: turn.role, content: [{ type: "text", text: ownTurnMark }] };
    const content = turn.parts.map((part) =>
      typeof part === "string"
        ? ({ type: "text", text: tokenizer.literal(part) } as const)
        : ({ type: "image" } as const),
    );
    return { role: turn.role, content };
  });
  const newest = turns.findLastIndex(({ role }) => role === "assistant");
  const isLast = newest === turns.length - 1;
  const whole = tokenizer.renderChat(messages, !isLast, told);
  if (newest < 0) return [whole];
  const asked = tokenizer.renderChat(messages.slice(0, newest), true, told);
  const mark = whole.lastIndexOf(ownTurnMark);
  requireStart(mark < 0 ? whole : whole.slice(0, mark).trimEnd(), asked.trimEnd(), tokenizer);
  const texts = whole.split(ownTurnMark);
  const own = messages.filter(({ role }) => role === "assistant").length;
  if (texts.length !== own + 1)
    throw modelError(
      tokenizer.templateFile,
      `the chat template writes ${texts.length - 1} of ${own} turns of the assistant; expected each of them`,
    );
  const last = isLast ? [] : texts.slice(-1);
  // A template may set a space before an answer, which the policy was left to say itself.
  const space = asked.slice(asked.trimEnd().length);
  return [...texts.slice(0, -1).map((text) => text.trimEnd() + space), ...last];
}

/** A tool all of whose texts are read character by character: a server that brings it may have written anything. */
function literalTexts(tool: FunctionTool, tokenizer: Tokenizer): FunctionTool {
  const read = (value: unknown): unknown => {
    if (typeof value === "string") return tokenizer.literal(value);
    if (Array.isArray(value)) return value.map(read);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, own]) => [tokenizer.literal(key), read(own)]));
  };
  return read(tool) as FunctionTool;
}

/** Throws where a template writes turns otherwise once others follow. */
function requireStart(text: string, start: string, { templateFile }: Tokenizer): void {
  if (text.startsWith(start)) return;
  let at = 0;
  while (text[at] === start[at]) at++;
  const near = (all: string): string => JSON.stringify(all.slice(Math.max(0, at - 10), at + 20));
  throw modelError(
    templateFile,
    `the chat template rewrites earlier turns when others follow: ${near(start)} becomes ${near(text)}; expected a template that only adds`,
  );
}

/** The texts with what stands for each image in place of its token. */
function showImages(
  texts: readonly string[],
  images: readonly PreparedImage[],
  imageToken: string,
  { templateFile }: Tokenizer,
): string[] {
  let shown = 0;
  const result = texts.map((text) => text.replaceAll(imageToken, () => images[shown++]?.placeholder ?? ""));
  if (shown === images.length) return result;
  throw modelError(
    templateFile,
    `the chat template writes ${shown} ${imageToken} for ${images.length} images; expected one for each`,
  );
}

/** The template was tried when the folder was opened: what fails now is the text's fault. */
function encode(text: string, tokenizer: Tokenizer): Int32Array {
  try {
    return tokenizer.encode(text);
  } catch (cause) {
    throw new VisplayError("prompt", `a prompt that cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** The template ends a turn of the policy by a token that the policy may have sampled itself. */
function withoutRepeatedEnd(
  ids: Int32Array,
  before: Int32Array | undefined,
  eosTokenIds: readonly number[],
): Int32Array {
  const end = before?.at(-1);
  return end !== undefined && ids[0] === end && eosTokenIds.includes(end) ? ids.subarray(1) : ids;
}

/** Lists of tokens as one. */
export function concatTokens(...parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
