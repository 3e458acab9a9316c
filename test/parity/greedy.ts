import { BufferPool } from "../../policy/embedded/buffer_pool.ts";
import { Sampler } from "../../policy/embedded/sampler.ts";
import { SessionCache } from "../../policy/embedded/sessions.ts";
import type { ImageShape, VisionLanguageModel } from "../../policy/models/vision_language_model.ts";
import { parameterTensors } from "../../policy/weights/parameter_tensors.ts";

/** Two greedy completions of a prompt about one image, each of `count` tokens, past stop tokens too. */
export async function greedyTokens(
  model: VisionLanguageModel,
  views: Readonly<Record<string, Float32Array>>,
  prompt: Int32Array,
  image: { readonly shape: ImageShape; readonly rows: Float32Array },
  count: number,
): Promise<number[][]> {
  const end = prompt.lastIndexOf(model.config.imageTokenId) + 2;
  const start = prompt.indexOf(model.config.imageTokenId);
  const sampling = {
    groupSize: 2,
    temperature: 0,
    topK: 0,
    topP: 1,
    maxTokens: count,
    ignoreEos: true,
    seed: 0,
    firstPrompt: 0,
  };
  const encoded = {
    prefix: { tokens: prompt.subarray(0, end), images: [{ id: "image", ...image, start }] },
    suffix: prompt.subarray(end),
    later: [],
  };
  await using sessions = new SessionCache({ threads: 1 });
  const tensors = parameterTensors(model.parameters);
  const tools = { model, tensors, sessions, pool: new BufferPool(0), tokenizer: { decode: () => "" } };
  const [group = []] = await new Sampler(tools, views, [encoded], sampling).run();
  return group.map(({ tokens }) => [...tokens]);
}
