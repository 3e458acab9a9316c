import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emit } from "../../autodiff/onnx/session.ts";
import {
  add,
  concat,
  gather,
  matmul,
  mul,
  reduceMean,
  reshape,
  slice,
} from "../../autodiff/operators/index.ts";
import { constant, input, scalar, type Tensor } from "../../autodiff/tensor.ts";

/** Pixels of a side of what the models below see. */
const side = 8;

const pixels = input("pixel_values", [1, 3, side, side]);

/** The mean colour of columns [1, 3], from 0 to 1. */
function meanColour(from: number, to: number): Tensor {
  return reduceMean(slice(pixels, { axis: 3, start: from, end: to }), { axes: [2, 3], keepDims: false });
}

/** A model folder in transformers.js's form: its settings, and graphs by name. */
function write(
  folder: string,
  config: object,
  processor: string,
  graphs: Readonly<Record<string, Readonly<Record<string, Tensor>>>>,
): string {
  mkdirSync(join(folder, "onnx"), { recursive: true });
  const json = (name: string, value: object) => writeFileSync(join(folder, name), JSON.stringify(value));
  json("config.json", config);
  json("preprocessor_config.json", {
    image_processor_type: processor,
    feature_extractor_type: processor,
    ...{ do_resize: true, size: { width: side, height: side }, resample: 2 },
    ...{ do_rescale: true, rescale_factor: 1 / 255, do_normalize: false, do_pad: false },
  });
  for (const [name, outputs] of Object.entries(graphs))
    writeFileSync(join(folder, "onnx", `${name}.onnx`), emit(outputs).model);
  return folder;
}

const colours = { 0: "red", 1: "green", 2: "blue" };

/** A classifier that says which of red, green and blue there is most of. */
export function writeClassifier(folder: string): string {
  const logits = mul(meanColour(0, side), scalar(10));
  return write(folder, { model_type: "vit", id2label: colours }, "ViTImageProcessor", { model: { logits } });
}

/** A detector with an object in each half, left and right, where that is of a bright colour. */
export function writeDetector(folder: string): string {
  const least = constant(Float32Array.of(4), [1, 1]);
  const halves = [meanColour(0, side / 2), meanColour(side / 2, side)];
  const rows = halves.map((mean) => concat([mul(mean, scalar(10)), least], { axis: 1 }));
  const logits = reshape(concat(rows, { axis: 0 }), { shape: [1, 2, 4] });
  // Centre, width and height; zeros of the picture's own, for an output needs an input.
  const boxes = constant(Float32Array.of(0.25, 0.5, 0.5, 1, 0.75, 0.5, 0.5, 1), [1, 2, 4]);
  const pred_boxes = add(boxes, mul(logits, scalar(0)));
  const config = { model_type: "yolos", id2label: { ...colours, 3: "none" } };
  return write(folder, config, "YolosImageProcessor", { model: { logits, pred_boxes } });
}

const words = ["</s>", "<s>", "a", "red", "green", "blue", "picture"];

/** An encoder and a decoder that write "a COLOUR picture", word by word. */
export function writeCaptioner(folder: string): string {
  const last_hidden_state = reshape(meanColour(0, side), { shape: [1, 1, 3] });
  const count = words.length;
  // What follows on each word, and what the picture adds: its colours.
  const follows = new Float32Array(count * count);
  const likely = [
    ["<s>", "a"],
    ...["red", "green", "blue"].flatMap((colour) => [
      ["a", colour],
      [colour, "picture"],
    ]),
    ["picture", "</s>"],
  ];
  for (const [before, after] of likely as [string, string][])
    follows[count * words.indexOf(before) + words.indexOf(after)] = 10;
  const paints = new Float32Array(3 * count);
  for (const [i, colour] of Object.values(colours).entries()) paints[count * i + words.indexOf(colour)] = 5;
  const ids = input("input_ids", [1, 1], "int64");
  const seen = input("encoder_hidden_states", [1, 1, 3]);
  const logits = add(
    gather(constant(follows, [count, count]), ids, { unique: false }),
    reshape(matmul(reshape(seen, { shape: [1, 3] }), constant(paints, [3, count]), {}), {
      shape: [1, 1, count],
    }),
  );
  const config = {
    model_type: "vision-encoder-decoder",
    ...{ is_encoder_decoder: true, decoder_start_token_id: 1, eos_token_id: 0, pad_token_id: 0 },
    encoder: { model_type: "vit" },
    decoder: { model_type: "gpt2", n_head: 1, n_layer: 1, n_embd: 1, vocab_size: count },
  };
  write(folder, config, "ViTImageProcessor", {
    encoder_model: { last_hidden_state },
    decoder_model_merged: { logits },
  });
  const special = ["</s>", "<s>"].map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  const tokenizer = {
    version: "1.0",
    added_tokens: special,
    ...{ normalizer: null, pre_tokenizer: { type: "Whitespace" }, post_processor: null, decoder: null },
    model: {
      type: "WordLevel",
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
      unk_token: "</s>",
    },
  };
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
  writeFileSync(
    join(folder, "tokenizer_config.json"),
    JSON.stringify({
      tokenizer_class: "PreTrainedTokenizerFast",
      eos_token: "</s>",
      bos_token: "<s>",
      pad_token: "</s>",
    }),
  );
  return folder;
}
