import type { VisplayError } from "../../common/errors.ts";
import { type JsonFields, modelError, show } from "../model_files.ts";

const smolVlm = "SmolVLM, such as HuggingFaceTB/SmolVLM2-500M-Video-Instruct";
const qwen25Vl = "Qwen2.5-VL, such as Qwen/Qwen2.5-VL-3B-Instruct";
const qwen3Vl = "Qwen3-VL without experts, such as Qwen/Qwen3-VL-4B-Instruct";

/** Families that people have and that cannot be used yet, by `model_type`: their name and the nearest that can. */
const others: Readonly<Record<string, readonly [name: string, nearest: string]>> = {
  qwen3_vl_moe: ["Qwen3-VL with experts", qwen3Vl],
  qwen3_5: ["Qwen3.5", qwen3Vl],
  qwen2_5_omni: ["Qwen2.5-Omni", qwen25Vl],
  qwen3_omni_moe: ["Qwen3-Omni", qwen3Vl],
  internvl: ["InternVL", qwen25Vl],
  internvl_chat: ["InternVL", qwen25Vl],
  gemma3: ["Gemma 3", qwen25Vl],
  gemma3n: ["Gemma 3n", qwen25Vl],
  gemma4: ["Gemma 4", qwen25Vl],
  paligemma: ["PaliGemma", qwen25Vl],
  llava: ["LLaVA", qwen25Vl],
  llava_next: ["LLaVA-NeXT", qwen25Vl],
  llava_onevision: ["LLaVA-OneVision", qwen25Vl],
  llava_qwen2: ["FastVLM", smolVlm],
  fast_vlm: ["FastVLM", smolVlm],
  mllama: ["Llama 3.2 Vision", qwen25Vl],
  llama4: ["Llama 4", qwen25Vl],
  mistral3: ["Mistral Small 3", qwen25Vl],
  glm4v: ["GLM-4V", qwen25Vl],
  kimi_vl: ["Kimi-VL", qwen25Vl],
  minicpmv: ["MiniCPM-V", qwen25Vl],
  phi3_v: ["Phi-3 Vision", qwen25Vl],
  phi4_multimodal: ["Phi-4 multimodal", qwen25Vl],
  deepseek_vl: ["DeepSeek-VL", qwen25Vl],
  ovis2: ["Ovis2", qwen25Vl],
  idefics: ["IDEFICS", smolVlm],
  idefics2: ["Idefics2", smolVlm],
  lfm2_vl: ["LFM2-VL", smolVlm],
  florence2: ["Florence-2", smolVlm],
  moondream1: ["Moondream", smolVlm],
};

/** Why a model's architecture cannot be used, and what can be instead; `known` are the values of `model_type` that can. */
export function familyError(config: JsonFields, known: readonly string[]): VisplayError {
  const type = config.get("model_type");
  const other = typeof type === "string" && Object.hasOwn(others, type) ? others[type] : undefined;
  if (other) {
    const [name, nearest] = other;
    return modelError(
      config.file,
      `model_type is ${show(type)}: ${name} is not supported; the nearest family that is: ${nearest}`,
    );
  }
  const kinds = known.map((each) => show(each)).join(" or ");
  const sees = type === undefined || config.get("vision_config") !== undefined;
  const expected = sees ? kinds : `a model that sees pictures: ${kinds}`;
  return config.error("model_type", expected);
}

/** What methods of quantisation are called by people, by `quant_method`. */
const methods: Readonly<Record<string, string>> = {
  awq: "AWQ",
  gptq: "GPTQ",
  bitsandbytes: "bitsandbytes",
  fp8: "FP8",
  fbgemm_fp8: "FP8",
  "compressed-tensors": "compressed-tensors",
  torchao: "torchao",
  mxfp4: "MXFP4",
};

/** Throws a `VisplayError` of code "model" where a configuration says that the weights are quantised. */
export function refuseQuantized(config: JsonFields): void {
  const fields = config.optionalSection("quantization_config");
  if (!fields) return;
  const given = fields.get("quant_method");
  const method = typeof given === "string" ? (methods[given] ?? show(given)) : "bitsandbytes";
  throw modelError(
    config.file,
    `quantization_config: the weights are quantised (${method}), which cannot be trained here; ` +
      "expected the model that they were made from, in bfloat16, float16 or float32",
  );
}

/** Throws a `VisplayError` of code "model" where a configuration names a program of its own for the model. */
export function refuseOwnProgram(config: JsonFields): void {
  const programs = config.optionalSection("auto_map");
  const [name] = Object.keys(programs?.values ?? {}).filter((key) => key.startsWith("AutoModel"));
  if (!programs || name === undefined) return;
  const found = show(programs.get(name));
  throw modelError(
    config.file,
    `auto_map: the folder computes its model by a program of its own (${found}), which is not run here; expected a family as transformers has it`,
  );
}
