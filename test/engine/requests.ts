/**
 * What a Tinker-API server is sent, checked strictly against the schema of the Python package `tinker` (0.38): unknown or
 * missing fields, wrong shapes and wrong types are refused.
 */

import * as z from "zod";
import { readFields } from "../../common/protobuf_reader.ts";

export type ReadChunk =
  | { readonly kind: "text"; readonly tokens: readonly number[] }
  | {
      readonly kind: "image";
      readonly data: Uint8Array;
      readonly format: string;
      readonly expected: number | null;
    };

export interface ReadTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface ReadDatum {
  readonly input: readonly ReadChunk[];
  readonly loss: Readonly<Record<string, ReadTensor>>;
}

export interface ReadPass {
  readonly modelId: string;
  readonly sequence: number;
  readonly data: readonly ReadDatum[];
  readonly loss: string;
  readonly forwardOnly: boolean;
}

/** As optim_step has them. */
export interface AdamParams {
  learning_rate: number;
  beta1: number;
  beta2: number;
  eps: number;
  weight_decay: number;
  grad_clip_norm: number;
}

/** Of requests about a model. */
interface Numbered {
  readonly model_id: string;
  readonly seq_id: number;
}

/** What is read of each request. */
export interface RequestBodies {
  readonly create_session: object;
  readonly client_config: object;
  readonly session_heartbeat: object;
  readonly create_model: { readonly base_model: string };
  readonly load_weights: Numbered & { readonly path: string; readonly optimizer: boolean };
  readonly save_weights: Numbered & { readonly path: string };
  readonly save_weights_for_sampler: Numbered & { readonly path?: string | undefined };
  readonly optim_step: Numbered & { readonly adam_params: AdamParams };
  readonly asample: {
    readonly num_samples: number;
    readonly prompt: readonly ReadChunk[];
    readonly sampling_session_id: string;
    readonly sampling_params: {
      readonly max_tokens: number;
      readonly seed: number;
      readonly stop: readonly number[];
      readonly temperature: number;
      readonly top_k: number;
      readonly top_p: number;
    };
  };
  readonly retrieve_future: { readonly request_id: string };
  readonly retrieve_futures: {
    readonly target: { readonly sampling_session_id: string };
    readonly prev_cursor: number;
  };
  readonly unload_model: { readonly model_id: string };
}

const Chunk = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("encoded_text"), tokens: z.array(z.int().nonnegative()).min(1) }),
    z.strictObject({
      type: z.literal("image"),
      data: z.base64(),
      format: z.enum(["png", "jpeg"]),
      expected_tokens: z.int().positive().optional(),
    }),
  ])
  .transform(
    (chunk): ReadChunk =>
      chunk.type === "encoded_text"
        ? { kind: "text", tokens: chunk.tokens }
        : {
            kind: "image",
            data: new Uint8Array(Buffer.from(chunk.data, "base64")),
            format: chunk.format,
            expected: chunk.expected_tokens ?? null,
          },
  );

const ModelInput = z.strictObject({ chunks: z.array(Chunk).min(1) }).transform(({ chunks }) => chunks);

const Tensor = z.strictObject({
  data: z.array(z.number()),
  dtype: z.enum(["float32", "int64"]),
  shape: z.array(z.int().nonnegative()),
});

const Datum = z
  .strictObject({ model_input: ModelInput, loss_fn_inputs: z.record(z.string(), Tensor) })
  .transform(({ model_input, loss_fn_inputs }): ReadDatum => ({ input: model_input, loss: loss_fn_inputs }));

const PassInput = z.strictObject({ data: z.array(Datum).min(1).max(1024), loss_fn: z.string() });

/** Both routes, as JSON has them. */
const PassBody = z
  .strictObject({
    model_id: z.string(),
    seq_id: z.int().positive(),
    forward_backward_input: PassInput.optional(),
    forward_input: PassInput.optional(),
  })
  .transform((body, context): ReadPass => {
    const input = body.forward_backward_input ?? body.forward_input;
    if (!input) {
      context.addIssue("no input");
      return z.NEVER;
    }
    return {
      modelId: body.model_id,
      sequence: body.seq_id,
      data: input.data,
      loss: input.loss_fn,
      forwardOnly: body.forward_input !== undefined,
    };
  });

const bodies: { readonly [P in keyof RequestBodies]: z.ZodType<RequestBodies[P]> } = {
  create_session: z.strictObject({
    tags: z.array(z.string()),
    sdk_version: z.string(),
    type: z.literal("create_session"),
  }),
  client_config: z.strictObject({ sdk_version: z.string() }),
  session_heartbeat: z.strictObject({ session_id: z.string(), type: z.literal("session_heartbeat") }),
  create_model: z.strictObject({
    session_id: z.string(),
    model_seq_id: z.int().nonnegative(),
    base_model: z.string(),
    lora_config: z.strictObject({
      rank: z.int().positive(),
      seed: z.int(),
      train_unembed: z.boolean(),
      train_mlp: z.boolean(),
      train_attn: z.boolean(),
    }),
    optimizer_config: z.strictObject({ type: z.literal("adamw") }),
    type: z.literal("create_model"),
  }),
  load_weights: z.strictObject({
    model_id: z.string(),
    seq_id: z.int().positive(),
    path: z.string(),
    optimizer: z.boolean(),
    type: z.literal("load_weights"),
  }),
  save_weights: z.strictObject({
    model_id: z.string(),
    seq_id: z.int().positive(),
    path: z.string(),
    overwrite: z.boolean(),
    type: z.literal("save_weights"),
  }),
  save_weights_for_sampler: z.strictObject({
    model_id: z.string(),
    seq_id: z.int().positive(),
    path: z.string().optional(),
    sampling_session_seq_id: z.int().nonnegative().optional(),
    kind: z.literal("snapshot"),
    type: z.literal("save_weights_for_sampler"),
  }),
  optim_step: z.strictObject({
    model_id: z.string(),
    seq_id: z.int().positive(),
    type: z.literal("optim_step"),
    adam_params: z.strictObject({
      learning_rate: z.number().nonnegative(),
      beta1: z.number(),
      beta2: z.number(),
      eps: z.number(),
      weight_decay: z.number(),
      grad_clip_norm: z.number(),
    }),
  }),
  asample: z.strictObject({
    num_samples: z.int().positive(),
    prompt: ModelInput,
    sampling_params: z.strictObject({
      max_tokens: z.int().positive(),
      seed: z.int(),
      stop: z.array(z.int()),
      temperature: z.number().nonnegative(),
      top_k: z.int(),
      top_p: z.number(),
    }),
    sampling_session_id: z.string(),
    seq_id: z.int().nonnegative(),
    prompt_logprobs: z.boolean(),
    topk_prompt_logprobs: z.int(),
    topk_sample_logprobs: z.int(),
    prompt_alt_tokens_k: z.int(),
    type: z.literal("sample"),
  }),
  retrieve_future: z.strictObject({ request_id: z.string(), allow_metadata_only: z.boolean() }),
  retrieve_futures: z.strictObject({
    target: z.strictObject({
      type: z.literal("sampling_session"),
      sampling_session_id: z.string(),
      cloned_sampler_id: z.int(),
    }),
    prev_cursor: z.int().nonnegative(),
    retrieved_request_ids: z.array(z.string()),
  }),
  unload_model: z.strictObject({ model_id: z.string(), type: z.literal("unload_model") }),
};

/** The body of a request, as JSON. Throws where it is not as it has to be. */
export function readBody<P extends keyof RequestBodies>(path: P, json: string): RequestBodies[P] {
  return bodies[path].parse(JSON.parse(json));
}

/** A pass as JSON. Throws where it is not as it has to be. */
export function readPassBody(json: string): ReadPass {
  return PassBody.parse(JSON.parse(json));
}

/** A ForwardBackwardRequest in protobuf. Throws where a field is not one of the schema's that are in use. */
export function readPass(bytes: Uint8Array): ReadPass {
  const pass = { modelId: "", sequence: 0, data: [] as ReadDatum[], loss: "", forwardOnly: false };
  for (const { field, value } of readFields(bytes)) {
    if (field === 1) pass.modelId = text(value);
    else if (field === 2) pass.sequence = Number(value);
    else if (field === 3) pass.data.push(readDatum(value as Uint8Array));
    else if (field === 4) pass.loss = text(value);
    else if (field === 6) pass.forwardOnly = value === 1n;
    else throw new RangeError(`field ${field} of ForwardBackwardRequest`);
  }
  if (pass.sequence < 1) throw new RangeError("seq_id has to be 1 or more");
  return pass;
}

function readDatum(bytes: Uint8Array): ReadDatum {
  const input: ReadChunk[] = [];
  const loss: Record<string, ReadTensor> = {};
  for (const { field, value } of readFields(bytes)) {
    if (field === 1) input.push(readChunk(value as Uint8Array));
    else if (field === 2) {
      const entry = [...readFields(value as Uint8Array)];
      loss[text(entry[0]?.value as Uint8Array)] = readTensor(entry[1]?.value as Uint8Array);
    } else throw new RangeError(`field ${field} of Datum`);
  }
  return { input, loss };
}

function readChunk(bytes: Uint8Array): ReadChunk {
  const [chunk] = readFields(bytes);
  const fields = new Map(
    [...readFields(chunk?.value as Uint8Array)].map(({ field, value }) => [field, value]),
  );
  if (chunk?.field === 1)
    return { kind: "text", tokens: [...new Int32Array(new Uint8Array(fields.get(1) as Uint8Array).buffer)] };
  if (chunk?.field !== 2) throw new RangeError(`chunk ${chunk?.field}`);
  const expected = fields.get(3);
  return {
    kind: "image",
    data: new Uint8Array(fields.get(1) as Uint8Array),
    format: text(fields.get(2) as Uint8Array),
    expected: expected === undefined ? null : Number(expected),
  };
}

function readTensor(bytes: Uint8Array): ReadTensor {
  let data: Uint8Array = new Uint8Array();
  let dtype = 0;
  const shape: number[] = [];
  for (const { field, value } of readFields(bytes)) {
    if (field === 1) data = value as Uint8Array;
    else if (field === 3) dtype = Number(value);
    else if (field === 4) shape.push(...varints(value as Uint8Array));
    else throw new RangeError(`field ${field} of Tensor`);
  }
  const { buffer } = new Uint8Array(data);
  if (dtype === 1) return { dtype: "float32", shape, data: [...new Float32Array(buffer)] };
  if (dtype === 2) return { dtype: "int64", shape, data: [...new BigInt64Array(buffer)].map(Number) };
  throw new RangeError(`dtype ${dtype}`);
}

function varints(bytes: Uint8Array): number[] {
  const values: number[] = [];
  let [value, shift] = [0, 0];
  for (const byte of bytes) {
    value += (byte & 0x7f) * 2 ** shift;
    shift += 7;
    if (byte < 0x80) {
      values.push(value);
      [value, shift] = [0, 0];
    }
  }
  return values;
}

function text(value: bigint | Uint8Array): string {
  return new TextDecoder().decode(value as Uint8Array);
}
