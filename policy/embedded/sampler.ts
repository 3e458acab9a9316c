import type { Feeds } from "../../autodiff/onnx/session.ts";
import { deriveSeed, uniformAt } from "../../common/random.ts";
import { zip } from "../../common/zip.ts";
import type { Tokenizer } from "../chat/tokenizer.ts";
import type { Weights } from "../models/layers.ts";
import type { VisionLanguageModel } from "../models/vision_language_model.ts";
import type { FinishReason, SamplingOptions } from "../port.ts";
import { type TokenTape, writeToken } from "../token_tape.ts";
import { ActivityReport } from "./activity.ts";
import { bucket, nextPowerOfTwo } from "./batch.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { type ChosenToken, chooseToken, chosenToken } from "./choose_token.ts";
import { Conversations } from "./conversations.ts";
import { DecodeCache } from "./decode_cache.ts";
import { type DecodeShape, decodeGraph, type TokenChoice } from "./graphs.ts";
import { mostMicroBatchTokens } from "./model_size.ts";
import type { Pause } from "./pause.ts";
import { type EncodedPrompt, type Prefilled, pastLength, prefill, prefillBatches } from "./prefill.ts";
import type { GraphTools } from "./sessions.ts";
import { StopTexts } from "./stop_texts.ts";
import { tokensInPrompt } from "./stretch.ts";

export interface SampledTokens {
  readonly tokens: Int32Array;
  readonly logProbs: Float32Array;
  readonly finishReason: FinishReason;
}

/** What graphs that decode multiply with, where it is not what the others do. */
export interface Decoding {
  /** The parameters as these graphs have them. */
  readonly tensors: Weights;
  /** What is fed to them beside, or in place of, the parameters. */
  readonly feeds: Feeds;
  /** Layers that keep their 32 bits: graphs that differ in them are others. */
  readonly floatLayers: readonly string[];
}

/** What samplers of one policy share. */
export interface SamplerTools extends GraphTools {
  readonly pool: BufferPool;
  readonly activity?: ActivityReport;
  /** Whether the model is large: its graphs are dear, so that few shapes of them decode from beginning to end. */
  readonly large?: boolean;
  /** Padded tokens of prompts that are computed together. */
  readonly forwardTokens?: number;
  /** Conversations that go on; default none. */
  readonly conversations?: Conversations;
  /** Default: as all graphs do. */
  readonly decoding?: Decoding | null;
  /** What tells texts that end a completion. */
  readonly tokenizer: Pick<Tokenizer, "decode">;
}

/** Rows that decode side by side: enough to keep the matrix products busy, few enough for the processor's cache. */
const decodeRows = 256;
/** A vocabulary of at least so many tokens is large. */
const manyTokens = 4096;
/** What their keys and values may take. */
const decodeBytes = 2 ** 31;
/** Conversations whose prompts are computed before the first of them decodes: what a large model holds of one is large. */
const conversationsAtOnce = { small: 64, large: 1 };
/**
 * How decoding follows its sequences: the room that they have at first, how many times as much they get where they fill
 * it, and how many times as many slots as are busy there may be.
 */
const pace = { small: { room: 16, growth: 2, idle: 2 }, large: { room: 128, growth: 4, idle: 4 } };

/** One prompt's sequences while they grow. */
interface Sequence {
  readonly tokens: number[];
  readonly logProbs: number[];
  readonly seed: number;
  /** Tokens that it may have: as many as were asked for and fit into the model's context. */
  readonly longest: number;
  readonly tape: TokenTape | undefined;
  finished: FinishReason | null;
}

/** A prompt that can be gone on from. */
interface Ready extends Prefilled {
  readonly prompt: number;
}

interface Slot {
  readonly prompt: number;
  /** Where the first token after the prompt stands. */
  readonly nextPosition: number;
  readonly sequences: readonly Sequence[];
  /** Tokens decoded so far: all sequences of a slot are equally long. */
  time: number;
}

/**
 * Samples G completions for each of many prompts. An image's part of the prompts is computed once for all
 * questions about it, a prompt once for its G sequences; a slot whose sequences have all ended takes the next prompt.
 */
export class Sampler {
  readonly #tools: SamplerTools;
  readonly #model: VisionLanguageModel;
  readonly #pool: BufferPool;
  readonly #activity: ActivityReport;
  readonly #pace: (typeof pace)["small" | "large"];
  readonly #forwardTokens: number;
  readonly #conversations: Conversations;
  readonly #weights: Readonly<Record<string, Float32Array>>;
  readonly #prompts: readonly EncodedPrompt[];
  readonly #options: SamplingOptions & { readonly firstPrompt: number };
  readonly #stopTokens: ReadonlySet<number>;
  readonly #stopTexts: StopTexts;
  /** Fed to graphs; greedy choices are reported at temperature 1. */
  readonly #inverseTemperature: Float32Array;
  readonly #results: SampledTokens[][];

  constructor(
    tools: SamplerTools,
    weights: Readonly<Record<string, Float32Array>>,
    prompts: readonly EncodedPrompt[],
    options: SamplingOptions & { readonly firstPrompt: number },
  ) {
    const { model, pool, activity, large = false, forwardTokens, conversations } = tools;
    this.#tools = tools;
    this.#model = model;
    this.#pool = pool;
    this.#activity = activity ?? new ActivityReport();
    this.#pace = large ? pace.large : pace.small;
    this.#forwardTokens = forwardTokens ?? mostMicroBatchTokens;
    this.#conversations = conversations ?? new Conversations({ large, threads: 1 });
    this.#weights = weights;
    this.#prompts = prompts;
    this.#options = options;
    this.#inverseTemperature = Float32Array.of(1 / (options.temperature || 1));
    this.#stopTokens = new Set(options.ignoreEos ? [] : model.config.eosTokenIds);
    this.#stopTexts = new StopTexts(options.stopTexts ?? [], (ids) => tools.tokenizer.decode(ids));
    this.#results = prompts.map(() => []);
  }

  /** Completions by prompt and sequence, [prompts][G]. `pause` is made between graph runs. */
  async run(pause: Pause = async () => {}): Promise<SampledTokens[][]> {
    const { groupSize, maxTokens } = this.#options;
    const count = this.#prompts.length;
    if (count === 0) return [];
    this.#activity.begin("sampling", count * groupSize);
    const longest = Math.max(...this.#prompts.map(tokensInPrompt));
    const waiting = this.#prefills();
    const ready: Ready[] = [];
    const longestPast = bucket(maxTokens);
    const promptLength = bucket(longest);
    const affordable = decodeBytes / ((promptLength + groupSize * longestPast) * this.#bytesPerToken());
    const most = Math.max(1, Math.floor(Math.min(decodeRows / groupSize, affordable)));
    const shape: DecodeShape = {
      slots: Math.min(nextPowerOfTwo(count), most),
      group: groupSize,
      promptLength,
      pastLength: Math.min(this.#pace.room, longestPast),
    };
    let cache = new DecodeCache(this.#model, shape, this.#pool);
    let slots: (Slot | null)[] = Array.from({ length: cache.shape.slots }, () => null);

    while (true) {
      for (let i = 0; i < slots.length; i++) {
        while (slots[i] === null && (ready.length > 0 || waiting.length > 0)) {
          if (ready.length === 0) {
            await pause();
            ready.push(...((await waiting.shift()?.()) ?? []));
          }
          slots[i] = this.#start(ready.shift() as Ready, i, cache);
        }
      }
      const active = slots.filter((slot) => slot !== null);
      if (active.length === 0) {
        cache.release();
        return this.#results;
      }
      ({ cache, slots } = fitCache(cache, slots, longestPast, this.#pace));
      await pause();
      await this.#step(cache, slots);
      slots = slots.map((slot) => (slot !== null && this.#ended(slot) ? null : slot));
    }
  }

  /** Begins a prompt in a slot with the first token of each sequence; null where all end at once. */
  #start({ prompt, past, probabilities }: Ready, index: number, cache: DecodeCache): Slot | null {
    const { groupSize, seed, firstPrompt, maxTokens, tape } = this.#options;
    const longest = Math.min(maxTokens, this.#model.config.text.maxPositions - pastLength(past));
    const sequences = Array.from({ length: groupSize }, (_, g): Sequence => {
      const own = deriveSeed(seed, firstPrompt + prompt, g);
      const isFirst = firstPrompt + prompt + g === 0;
      return {
        ...{ tokens: [], logProbs: [], seed: own, longest, finished: null },
        tape: isFirst ? tape : undefined,
      };
    });
    for (const sequence of sequences) this.#draw(sequence, probabilities);
    const slot: Slot = { prompt, nextPosition: past.nextPosition, sequences, time: 0 };
    if (this.#ended(slot)) return null;
    cache.place(index, past.parts);
    return slot;
  }

  /** One more token from the probabilities of all, [V]. */
  #draw(sequence: Sequence, probabilities: Float32Array): void {
    this.#extend(sequence, chooseToken(probabilities, this.#options, nextUniform(sequence)));
  }

  #extend(sequence: Sequence, { token, logProb }: ChosenToken): void {
    sequence.tokens.push(token);
    if (sequence.tape) writeToken(sequence.tape, token);
    this.#activity.token();
    sequence.logProbs.push(logProb);
    if (this.#stopTokens.has(token) || this.#stopTexts.isReached(sequence.tokens)) sequence.finished = "stop";
    else if (sequence.tokens.length >= sequence.longest) sequence.finished = "length";
    if (sequence.finished !== null) this.#activity.advance();
  }

  /** Whether a slot is done; if so its results are kept. */
  #ended({ prompt, sequences }: Slot): boolean {
    if (sequences.some(({ finished }) => finished === null)) return false;
    this.#results[prompt] = sequences.map(({ tokens, logProbs, finished }) => ({
      tokens: Int32Array.from(tokens),
      logProbs: Float32Array.from(logProbs),
      finishReason: finished as FinishReason,
    }));
    return true;
  }

  /** One more token for every unfinished sequence. */
  async #step(cache: DecodeCache, slots: readonly (Slot | null)[]): Promise<void> {
    const { shape } = cache;
    const { group } = shape;
    const { positionAxes } = this.#model;
    const total = shape.slots * group;
    const tokens = new BigInt64Array(total);
    const positions = new BigInt64Array(positionAxes * total);
    slots.forEach((slot, i) => {
      if (slot === null) return;
      const position = BigInt(slot.nextPosition + slot.time);
      for (let at = i * group; at < positions.length; at += total) positions.fill(position, at, at + group);
      slot.sequences.forEach(({ tokens: past }, g) => {
        tokens[i * group + g] = BigInt(past[slot.time] ?? this.#model.config.padTokenId);
      });
    });
    const { sessions, decoding } = this.#tools;
    const { tensors, feeds: own = {}, ...kept } = decoding ?? { tensors: this.#tools.tensors };
    const choice = this.#choice;
    const session = await sessions.get("decode", { ...shape, ...kept, ...(choice && { choice }) }, () =>
      decodeGraph(this.#model, tensors, shape, choice),
    );
    const inverse_temperature = this.#inverseTemperature;
    const outputs = await session.run({
      ...this.#weights,
      ...own,
      ...cache.feeds,
      tokens,
      positions,
      inverse_temperature,
      ...(choice === "draw" && { shares: sharesOf(slots, group) }),
    });
    const probabilities = outputs.probabilities as Float32Array;
    const chosen = outputs.chosen as unknown as BigInt64Array | undefined;
    const fresh = outputs.keys_values as Float32Array;
    const classes = probabilities.length / total;
    slots.forEach((slot, i) => {
      if (slot === null) return;
      cache.append(i, slot.time, fresh);
      slot.time++;
      slot.sequences.forEach((sequence, g) => {
        if (sequence.finished !== null) return;
        const row = i * group + g;
        if (chosen) this.#extend(sequence, chosenToken(chosen[row] as bigint, probabilities[row] as number));
        else this.#draw(sequence, probabilities.subarray(row * classes, (row + 1) * classes));
      });
    });
  }

  /** What computes the prompts, some at a time: as they go together, or in their order where conversations go on. */
  #prefills(): (() => Promise<Ready[]>)[] {
    const feeds = { ...this.#weights, inverse_temperature: this.#inverseTemperature };
    if (this.#options.goesOn || this.#prompts.some(({ later }) => later.length > 0)) {
      const size = conversationsAtOnce[this.#tools.large ? "large" : "small"];
      return Array.from({ length: Math.ceil(this.#prompts.length / size) }, (_, k) => async () => {
        const some = this.#prompts.slice(k * size, (k + 1) * size);
        const prefilled = await this.#conversations.prefill(this.#tools, some, feeds);
        return prefilled.map((each, i) => ({ prompt: k * size + i, ...each }));
      });
    }
    return prefillBatches(this.#model, this.#prompts, this.#forwardTokens).map((batch) => async () => {
      const prefilled = await prefill(this.#tools, this.#prompts, batch, feeds);
      return zip(batch.prompts.flat(), prefilled).map(([prompt, each]) => ({ prompt, ...each }));
    });
  }

  /** Graphs choose among so many tokens that reading the probabilities of all would take as long as much of the model. */
  get #choice(): TokenChoice {
    const { temperature, topK, topP } = this.#options;
    if (this.#model.config.text.vocabSize < manyTokens || topK > 0 || topP < 1) return null;
    return temperature > 0 ? "draw" : "best";
  }

  /** Of keys and values. */
  #bytesPerToken(): number {
    const { kvHeads, headSize } = this.#model.heads;
    return 2 * this.#model.config.text.layers * kvHeads * headSize * Float32Array.BYTES_PER_ELEMENT;
  }
}

/** What a sequence's next token is drawn by. */
function nextUniform({ seed, tokens }: Sequence): number {
  return uniformAt(seed, tokens.length);
}

/** The same of all sequences, as graphs take it: a 32-bit float and what it lacks, [slots · group, 2]. */
function sharesOf(slots: readonly (Slot | null)[], group: number): Float32Array {
  const shares = new Float32Array(2 * slots.length * group);
  slots.forEach((slot, i) => {
    slot?.sequences.forEach((sequence, g) => {
      const uniform = nextUniform(sequence);
      shares.set([uniform, uniform - Math.fround(uniform)], 2 * (i * group + g));
    });
  });
  return shares;
}

/** Grows the past where a slot has filled it, and gives up slots where many of them idle. */
function fitCache(
  cache: DecodeCache,
  slots: (Slot | null)[],
  longestPast: number,
  { growth, idle }: { readonly growth: number; readonly idle: number },
): { cache: DecodeCache; slots: (Slot | null)[] } {
  const active = slots.flatMap((slot, i) => (slot === null ? [] : [i]));
  let { slots: size, pastLength } = cache.shape;
  const longest = Math.max(...slots.map((slot) => slot?.time ?? 0));
  const grows = longest >= pastLength;
  if (grows) pastLength = Math.min(bucket(pastLength * growth), longestPast);
  if (grows || active.length * idle <= size) {
    while (active.length * 2 <= size && size > 1) size /= 2;
    size = Math.max(1, Math.ceil(size));
  }
  if (size === cache.shape.slots && pastLength === cache.shape.pastLength) return { cache, slots };
  const kept = size === cache.shape.slots ? slots.map((_, i) => i) : active;
  const shape: DecodeShape = { ...cache.shape, slots: size, pastLength };
  const next = kept.map((i) => slots[i] ?? null);
  return {
    cache: cache.resize(kept, shape),
    slots: [...next, ...Array.from({ length: size - next.length }, () => null)],
  };
}
