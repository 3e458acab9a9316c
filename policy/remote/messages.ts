/**
 * What is sent to a Tinker-API server and what comes back, as this side has it; `json.ts` and `protobuf.ts` say how each is
 * written. The names are those of the Tinker API.
 */

/** A part of what a model reads: tokens, or an image that takes the place of as many. */
export type Chunk = TextChunk | ImageChunk;

export interface TextChunk {
  readonly kind: "text";
  readonly tokens: Int32Array;
}

export interface ImageChunk {
  readonly kind: "image";
  /** An upright RGB PNG. */
  readonly data: Uint8Array;
  /** A server that makes another number of the image refuses it. */
  readonly expectedTokens: number;
}

/** The names of `LossInputs`, in order. */
export const lossInputs = ["advantages", "logprobs", "target_tokens", "weights"] as const;

/**
 * One sequence to score or to learn from: what is read at N positions, and what is said of what follows each of them, [N].
 * Where that is a part of an image its token is 0.
 */
export interface Datum {
  readonly input: readonly Chunk[];
  readonly loss: LossInputs;
}

export interface LossInputs {
  readonly target_tokens: Int32Array;
  readonly weights: Float32Array;
  readonly logprobs?: Float32Array;
  readonly advantages?: Float32Array;
}

/** The losses that this program asks for. */
export type ServerLoss = "cross_entropy" | "importance_sampling";

export interface ForwardBackward {
  readonly modelId: string;
  /** Counts the requests about the model from 1; one that comes twice is carried out once. */
  readonly sequence: number;
  readonly data: readonly Datum[];
  readonly loss: ServerLoss;
  /** Whether gradients are left out. */
  readonly forwardOnly: boolean;
}

export interface ForwardBackwardResult {
  /** The log-probability of each datum's target tokens, [data][N]. */
  readonly logProbs: readonly Float32Array[];
  readonly metrics: Readonly<Record<string, number>>;
}

export interface SampleRequest {
  readonly samplingSession: string;
  readonly sequence: number;
  readonly prompt: readonly Chunk[];
  readonly samples: number;
  readonly maxTokens: number;
  readonly temperature: number;
  /** -1 keeps all tokens. */
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
  /** Tokens that end a completion; none means that nothing does, not even the model's own. */
  readonly stop: readonly number[];
  /** Whether the prompt's tokens are scored, too. */
  readonly promptLogProbs: boolean;
}

export interface SampleResult {
  readonly sequences: readonly SampledSequence[];
  /** NaN where there is none, as of the first token. Null where it was not asked for. */
  readonly promptLogProbs: Float32Array | null;
}

export interface SampledSequence {
  readonly stopReason: "stop" | "length";
  /** The stop token included. */
  readonly tokens: Int32Array;
  readonly logProbs: Float32Array;
}

/** AdamW's settings for one step. */
export interface AdamParams {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** 0 clips nothing. */
  readonly gradientClipNorm: number;
}
