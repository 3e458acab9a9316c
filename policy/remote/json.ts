/** The messages of the Tinker API that are written as JSON, with the fields that the Python package `tinker` (0.38) sends. */

import * as z from "zod";
import {
  type AdamParams,
  type Chunk,
  type Datum,
  type ForwardBackward,
  type ForwardBackwardResult,
  lossInputs,
  type SampleRequest,
  type SampleResult,
} from "./messages.ts";

/** A value of JSON under its keys. */
export type JsonBody = Readonly<Record<string, unknown>>;

/** Of POST forward and forward_backward, for servers that take no protobuf there. */
export function forwardBackwardBody({ modelId, sequence, ...request }: ForwardBackward): JsonBody {
  const input = { data: request.data.map(datumBody), loss_fn: request.loss };
  const field = request.forwardOnly ? "forward_input" : "forward_backward_input";
  return { [field]: input, model_id: modelId, seq_id: sequence };
}

function datumBody({ input, loss }: Datum): JsonBody {
  const tensors = lossInputs.flatMap((name) => {
    const values = loss[name];
    if (values === undefined) return [];
    const dtype = values instanceof Float32Array ? "float32" : "int64";
    return [[name, { data: [...values], dtype, shape: [values.length] }] as const];
  });
  return { loss_fn_inputs: Object.fromEntries(tensors), model_input: inputBody(input) };
}

/** A ModelInput. */
function inputBody(chunks: readonly Chunk[]): JsonBody {
  return {
    chunks: chunks.map((chunk) =>
      chunk.kind === "text"
        ? { tokens: [...chunk.tokens], type: "encoded_text" }
        : {
            data: Buffer.from(chunk.data).toString("base64"),
            format: "png",
            expected_tokens: chunk.expectedTokens,
            type: "image",
          },
    ),
  };
}

/** Of POST asample. */
export function sampleBody(request: SampleRequest): JsonBody {
  return {
    num_samples: request.samples,
    prompt: inputBody(request.prompt),
    sampling_params: {
      max_tokens: request.maxTokens,
      seed: request.seed,
      stop: [...request.stop],
      temperature: request.temperature,
      top_k: request.topK,
      top_p: request.topP,
    },
    sampling_session_id: request.samplingSession,
    seq_id: request.sequence,
    prompt_logprobs: request.promptLogProbs,
    topk_prompt_logprobs: 0,
    topk_sample_logprobs: 0,
    prompt_alt_tokens_k: 0,
    type: "sample",
  };
}

/** Of POST optim_step. */
export function optimStepBody(modelId: string, sequence: number, params: AdamParams): JsonBody {
  return {
    model_id: modelId,
    seq_id: sequence,
    type: "optim_step",
    adam_params: {
      learning_rate: params.learningRate,
      beta1: params.beta1,
      beta2: params.beta2,
      eps: params.epsilon,
      weight_decay: params.weightDecay,
      grad_clip_norm: params.gradientClipNorm,
    },
  };
}

/** A LoRA adapter to be made; the output head stays as it is. */
export interface LoraConfig {
  readonly rank: number;
  readonly seed: number;
}

/** Of POST create_model. */
export function createModelBody(
  sessionId: string,
  sequence: number,
  baseModel: string,
  { rank, seed }: LoraConfig,
): JsonBody {
  return {
    session_id: sessionId,
    model_seq_id: sequence,
    base_model: baseModel,
    lora_config: { rank, seed, train_unembed: false, train_mlp: true, train_attn: true },
    optimizer_config: { type: "adamw" },
    type: "create_model",
  };
}

/** What is told of a request: by this its result is asked for. */
export const FutureSchema: z.ZodType<{ readonly request_id: string }> = z.object({ request_id: z.string() });

/** Numbers; an undefined one is null. */
const Numbers: z.ZodType<Float32Array> = z
  .array(z.number().nullable())
  .transform((values) => Float32Array.from(values, (value) => value ?? Number.NaN));

export const SampleSchema: z.ZodType<SampleResult> = z
  .object({
    sequences: z.array(
      z
        .object({
          stop_reason: z.enum(["stop", "length"]),
          tokens: z.array(z.int()).transform((tokens) => Int32Array.from(tokens)),
          logprobs: Numbers,
        })
        .transform(({ stop_reason, tokens, logprobs }) => ({
          stopReason: stop_reason,
          tokens,
          logProbs: logprobs,
        })),
    ),
    prompt_logprobs: Numbers.nullish(),
  })
  .transform(({ sequences, prompt_logprobs }) => ({ sequences, promptLogProbs: prompt_logprobs ?? null }));

export const ForwardBackwardSchema: z.ZodType<ForwardBackwardResult> = z
  .object({
    loss_fn_outputs: z.array(z.object({ logprobs: z.object({ data: Numbers }) })),
    metrics: z.record(z.string(), z.number()).default({}),
  })
  .transform(({ loss_fn_outputs, metrics }) => ({
    logProbs: loss_fn_outputs.map(({ logprobs }) => logprobs.data),
    metrics,
  }));

/** Of optim_step. */
export const StepSchema: z.ZodType<{ readonly metrics: Readonly<Record<string, number>> }> = z.object({
  metrics: z
    .record(z.string(), z.number())
    .nullish()
    .transform((metrics) => metrics ?? {}),
});

export const ModelSchema: z.ZodType<{ readonly model_id: string }> = z.object({ model_id: z.string() });

export const SavedSchema: z.ZodType<{ readonly path: string }> = z.object({ path: z.string() });

/** Weights that were made ready for sampling. */
export const PublishedSchema: z.ZodType<{ readonly sampling_session_id: string }> = z.object({
  sampling_session_id: z.string(),
});

/** What a server says that it has. */
export interface ServerModels {
  readonly supported_models: readonly {
    readonly model_name?: string | null | undefined;
    readonly max_context_length?: number | null | undefined;
  }[];
}

export const ServerModelsSchema: z.ZodType<ServerModels> = z.object({
  supported_models: z.array(
    z.object({ model_name: z.string().nullish(), max_context_length: z.number().nullish() }),
  ),
});

/** Any answer of which nothing is read. */
export const AnySchema: z.ZodType<unknown> = z.unknown();
