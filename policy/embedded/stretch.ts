import { type ConversationTokens, concatTokens, type Shown } from "../chat/conversation.ts";
import type { ImageShape, PreparedImage } from "../models/vision_language_model.ts";

/** What is known of an image at least. */
export interface Shaped {
  readonly shape: ImageShape;
}

/** Some tokens of a conversation, in order, and the images that they show. */
export interface Stretch<I extends Shaped = PreparedImage> {
  readonly tokens: Int32Array;
  readonly images: readonly Shown<I>[];
}

/** A prompt in token ids, cut where its parts are computed. */
export interface PromptTokens<I extends Shaped = PreparedImage> {
  /** Through its last image before the policy's first turn, and the token that closes it: what prompts may share. */
  readonly prefix: Stretch<I>;
  /** The rest before the policy's first turn. */
  readonly suffix: Int32Array;
  /** What follows: each begins with a turn of the policy, and ends before its next one. */
  readonly later: readonly Stretch<I>[];
}

/** What follows a prompt, in token ids: what was sampled there, and what was observed in between. */
export interface Target<I extends Shaped = PreparedImage> extends Stretch<I> {
  /** The places of the tokens that were sampled; null: all. */
  readonly sampled: Int32Array | null;
}

/** A conversation that ends where the policy speaks next. */
export function promptTokens(conversation: ConversationTokens, imageTokenId: number): PromptTokens {
  const { ids, own } = conversation;
  const turns = own.map(({ start }) => start);
  const first = turns[0] ?? ids.length;
  const lastImage = ids.subarray(0, first).lastIndexOf(imageTokenId);
  const split = Math.min(lastImage + 2, first - 1);
  const ends = turns.length === 0 ? [] : [...turns.slice(1), ids.length];
  const [prefix, suffix, ...later] = cut(conversation, [split, first, ...ends]);
  return { prefix: prefix as Stretch, suffix: (suffix as Stretch).tokens, later };
}

/** What follows a prompt of `start` tokens in a conversation that ends with a turn of the policy. */
export function targetOf(conversation: ConversationTokens, start: number): Target {
  const { ids, own } = conversation;
  const [, rest] = cut(conversation, [start, ids.length]);
  const places = own
    .filter((span) => span.start >= start)
    .flatMap((span) => Array.from({ length: span.end - span.start }, (_, t) => span.start - start + t));
  return { ...(rest as Stretch), sampled: Int32Array.from(places) };
}

/** Tokens of a prompt. */
export function tokensInPrompt({ prefix, suffix, later }: PromptTokens<Shaped>): number {
  return later.reduce((sum, { tokens }) => sum + tokens.length, prefix.tokens.length + suffix.length);
}

/** All of a prompt. */
export function wholePrompt<I extends Shaped>({ prefix, suffix, later }: PromptTokens<I>): Stretch<I> {
  return [{ tokens: suffix, images: [] }, ...later].reduce(joinStretches, prefix);
}

/** One stretch behind another. */
export function joinStretches<I extends Shaped>(a: Stretch<I>, b: Stretch<I>): Stretch<I> {
  const moved = b.images.map((image) => ({ ...image, start: image.start + a.tokens.length }));
  return { tokens: concatTokens(a.tokens, b.tokens), images: [...a.images, ...moved] };
}

/** A conversation cut at some places, the last of which is its end. */
function cut({ ids, images }: ConversationTokens, ends: readonly number[]): Stretch[] {
  return ends.map((end, i) => {
    const start = ends[i - 1] ?? 0;
    const own = images.filter((image) => start <= image.start && image.start < end);
    return {
      tokens: ids.subarray(start, end),
      images: own.map((image) => ({ ...image, start: image.start - start })),
    };
  });
}

/** Equal for stretches of equal tokens and images only. */
export function sharedKey({ tokens, images }: Stretch<Shaped & { readonly id: string }>): string {
  const bytes = Buffer.from(tokens.buffer, tokens.byteOffset, tokens.byteLength).toString("latin1");
  return [...images.map(({ id }) => id), bytes].join("\0");
}
