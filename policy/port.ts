import type { FunctionTool } from "../common/tool_call.ts";
import type { RgbImage } from "../images/image.ts";
import type { ImageScaling } from "../images/scaling.ts";
import type { Clip, Loss, Precision } from "./options.ts";
import type { TokenTape } from "./token_tape.ts";

/** What a turn is made of, in order. */
export type TurnPart = string | RgbImage;

/** A turn that a policy reads. */
export interface ReadTurn {
  readonly role: "system" | "user" | "tool";
  readonly parts: readonly TurnPart[];
}

/** A turn of the policy's own: the tokens that it sampled, the stop token included; never text that is tokenised again. */
export interface OwnTurn {
  readonly role: "assistant";
  readonly tokens: Int32Array;
}

export type Turn = ReadTurn | OwnTurn;

/**
 * What a policy is asked to go on from: a conversation whose last turn is not its own. A turn's tokens are what the model's
 * own chat template adds to the turns before it.
 */
export interface Prompt {
  readonly turns: readonly Turn[];
  /** What the policy may call, as its chat template tells it; only where that can (`PolicyInfo.hasToolForm`). Default: nothing. */
  readonly tools?: readonly FunctionTool[];
}

/** Why a completion ended: a stop token or text, or `maxTokens` or the end of the model's context. */
export type FinishReason = "stop" | "length";

/** What a policy read between two of its tokens. */
export interface Observation {
  /** How many of the tokens stand before it. */
  readonly after: number;
  readonly turns: readonly ReadTurn[];
}

/** What a policy went on with after a prompt: in one turn, or in several between which it observed something. */
export interface Continuation {
  /** What it sampled, [T], the stop tokens included. What it observed is none of them. */
  readonly tokens: Int32Array;
  /** In order; default none. */
  readonly observations?: readonly Observation[];
}

/** What was sampled, and the log-probabilities of its tokens (natural log). */
export interface Completion extends Continuation {
  /** Under the policy at the sampling temperature, before top-k and top-p, [T]. */
  readonly logProbs: Float32Array;
  /** Decoded without the stop token and other special tokens. */
  readonly text: string;
  readonly finishReason: FinishReason;
}

export interface SamplingOptions {
  /** G: completions per prompt. */
  readonly groupSize: number;
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0 keeps all tokens. */
  readonly topK: number;
  /** 1 keeps all tokens. */
  readonly topP: number;
  readonly maxTokens: number;
  /** Texts that end a completion as stop tokens do; they are its end (default none). */
  readonly stopTexts?: readonly string[];
  /** Whether completions go on past stop tokens to their full length (default false); benchmarks compare equal work. */
  readonly ignoreEos?: boolean;
  /**
   * Whether the prompts' conversations go on (default false): then what is computed of them is kept, as far as memory
   * allows, and their next turns cost their new tokens only.
   */
  readonly goesOn?: boolean;
  readonly seed: number;
  /** Which weights speak (default "policy"). */
  readonly weights?: WeightSet;
  /** Where the tokens of the first prompt's first completion are written as they are drawn; it has room for `maxTokens`. */
  readonly tape?: TokenTape;
}

/** One for all tokens of a completion, or one for each, [T]. */
export type Advantage = number | Float32Array;

/** One completion with what its update needs. */
export interface TrainingRollout {
  readonly completion: Continuation & Pick<Completion, "logProbs">;
  readonly advantage: Advantage;
  /** Log-probabilities under the reference, [T]; required where beta > 0. */
  readonly referenceLogProbs?: Float32Array;
  /** 1 where a token takes part in the loss, [T]; default all. */
  readonly mask?: Uint8Array;
}

/** The rollouts of one prompt. */
export interface TrainingGroup {
  readonly prompt: Prompt;
  readonly rollouts: readonly TrainingRollout[];
}

export interface UpdateOptions extends Clip {
  readonly loss: Loss;
  /**
   * Truncated importance sampling: a token counts by its probability under the policy as it is at the update over that
   * at sampling, but at most by this, and the loss's own ratio is 1. Null: that ratio is taken against the sampler's.
   */
  readonly importanceCap: number | null;
  /** Weight of the k3 KL to the reference. */
  readonly beta: number;
  /** Divides the logits, as when sampling. */
  readonly temperature: number;
  /** The constant length of `dr_grpo`. */
  readonly maxTokens: number;
  /** Of the text model; the other parameter groups scale it. */
  readonly learningRate: number;
}

/** A prompt and the completion to imitate. */
export interface Example {
  readonly prompt: Prompt;
  /** The wanted text; the end token is appended. Tokens are taken as they are. */
  readonly completion: string | Int32Array;
  /** Weight of this example in the loss (default 1). */
  readonly weight?: number;
}

export interface UpdateReport {
  readonly loss: number;
  /** Global norm before clipping. */
  readonly gradientNorm: number;
  /** Mean k3 KL to the reference per token; 0 where beta is 0. */
  readonly kl: number;
  /** Share of tokens whose ratio was clipped, or whose weight was capped. */
  readonly clipFraction: number;
  /** Tokens in the loss. */
  readonly tokens: number;
  /** Optimiser steps taken so far: the policy's version. */
  readonly version: number;
  /** Of an update on what was sampled. */
  readonly gap?: SamplerGap;
  /** Of a policy that was to sample in eight bits. */
  readonly sampler?: SamplerReport;
}

/**
 * How far the log-probabilities of an update's tokens are from those at sampling: what two ways of computing one policy differ
 * by and, of samples of an older one, what it has learnt since.
 */
export interface SamplerGap {
  /** Of the absolute difference. */
  readonly mean: number;
  readonly max: number;
  /** Of what sampled to what learns: the mean of e^δ - δ - 1 (k3). */
  readonly kl: number;
}

/** How a policy samples from now on. */
export interface SamplerReport {
  readonly precision: Precision;
  /** Linear layers that keep their 32 bits, for they do not bear fewer. */
  readonly floatLayers: readonly string[];
  /** What was found out since the update before, in sentences. */
  readonly news: readonly string[];
}

export interface PolicyInfo {
  /** Trainable parameters. */
  readonly parameters: number;
  readonly modelType: string;
  readonly version: number;
  /** How the model scales an image before it looks, so that it can be done ahead (`shrinkTarget`); null where it does not. */
  readonly scaling: ImageScaling | null;
  /** Whether updates change what images become. */
  readonly trainsImages: boolean;
  /** Whether its chat template has a form for tools, for their calls, and for what they answer. */
  readonly hasToolForm: boolean;
}

/** What an image becomes before the text model reads it. */
export interface ImageFeatures {
  /** Parts of the image that do not see each other, each with as many rows, from left to right and from top to bottom. */
  readonly tiles: number;
  readonly rows: number;
  readonly width: number;
  /** [tiles · rows, width]; not to be written to. */
  readonly data: Float32Array;
}

/** A prompt and what it was gone on with, [G]. */
export interface PromptCompletions {
  readonly prompt: Prompt;
  readonly completions: readonly Continuation[];
}

/** Which weights speak or score: those being trained, or the run's fixed base. */
export type WeightSet = "policy" | "reference";

/**
 * A trainable vision-language policy. An implementation may live in another thread or on another machine;
 * calls on one policy run in order. A signal that aborts makes the call reject with code "cancelled".
 */
export interface Policy extends AsyncDisposable {
  info(): Promise<PolicyInfo>;
  /** G completions for each prompt, [prompts][G]; the same seed gives the same completions. */
  sample(prompts: readonly Prompt[], options: SamplingOptions, signal?: AbortSignal): Promise<Completion[][]>;
  /** Log-probabilities of given completions, [prompts][G][T]. */
  score(
    groups: readonly PromptCompletions[],
    options: { readonly weights: WeightSet; readonly temperature: number },
    signal?: AbortSignal,
  ): Promise<Float32Array[][]>;
  /**
   * Encodes images ahead of time, so that later calls about them only read. One that the model cannot take, or that leaves
   * no room for a question in its context, is passed over: calls about it reject.
   */
  prepare(images: readonly RgbImage[], signal?: AbortSignal): Promise<void>;
  /** What the vision tower and the connector make of images, [images]; rejects where the model cannot take one. */
  features(
    images: readonly RgbImage[],
    options: { readonly weights: WeightSet },
    signal?: AbortSignal,
  ): Promise<ImageFeatures[]>;
  /** One optimiser step of GRPO; rejects with code "numeric" if the loss or the gradient is not finite, weights unchanged. */
  update(
    groups: readonly TrainingGroup[],
    options: UpdateOptions,
    signal?: AbortSignal,
  ): Promise<UpdateReport>;
  /** One optimiser step of cross-entropy on given completions. */
  supervise(
    examples: readonly Example[],
    options: { readonly learningRate: number },
    signal?: AbortSignal,
  ): Promise<UpdateReport>;
  /** Writes an ordinary Hugging Face model folder. */
  save(folder: string): Promise<void>;
  /** Writes a model folder that also holds the optimiser's state, from which a policy of the same base goes on. */
  saveState(folder: string): Promise<void>;
  /** Goes on from what `saveState` wrote, bit for bit; rejects with code "model" where it does not fit. */
  loadState(folder: string): Promise<void>;
  /** Lets go of what `saveState` has left elsewhere for other folders than these; absent where it leaves nothing. */
  keepStates?(folders: readonly string[]): Promise<void>;
}
