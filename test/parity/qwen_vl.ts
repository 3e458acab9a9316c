import { beforeAll, describe, expect, test } from "vitest";
import { Session } from "../../autodiff/onnx/session.ts";
import { classLogProb, gather } from "../../autodiff/operators/index.ts";
import { input, integers, type Tensor } from "../../autodiff/tensor.ts";
import { treeStates } from "../../policy/embedded/graphs.ts";
import { imageFeeds } from "../../policy/embedded/image_feeds.ts";
import { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import { crossEntropy } from "../../policy/embedded/loss.ts";
import { gradientOutputs } from "../../policy/embedded/update_graph.ts";
import type { Weights } from "../../policy/models/layers.ts";
import type { QwenVl } from "../../policy/models/qwen_vl.ts";
import type {
  ImageBucket,
  ImageShape,
  VisionLanguageModel,
} from "../../policy/models/vision_language_model.ts";
import { parameterTensors } from "../../policy/weights/parameter_tensors.ts";
import { ParameterLayout } from "../../policy/weights/parameters.ts";
import { readModelWeights } from "../model_weights.ts";
import { tinyOptions } from "../policy/tiny.ts";
import { readReference, readReferenceImage, readReferenceTensors, referencePath } from "../reference_dir.ts";
import { expectClose, expectGradients } from "./closeness.ts";
import { turnsOf } from "./conversation.ts";
import { greedyTokens } from "./greedy.ts";
import { differentiate, imageJob, referenceGroup } from "./update.ts";

const options = { threads: 1 };

/** A case of the reference: its tensors by name, and its images' shapes and patches. */
interface ReferenceCase {
  readonly floats: (key: string) => Float32Array;
  readonly ids: (key: string) => Int32Array;
  readonly images: readonly ImageShape[];
  readonly patches: Float32Array;
}

export async function referenceCase(folder: string, name: string): Promise<ReferenceCase> {
  const tensors = await readReferenceTensors(`${folder}/${name}.safetensors`);
  const floats = (key: string) => tensors.get(key)?.data as Float32Array;
  const ids = (key: string) => Int32Array.from(tensors.get(key)?.data as BigInt64Array, Number);
  const grids = ids("image_grid_thw");
  const images = Array.from({ length: grids.length / 3 }, (_, i): ImageShape => {
    const [tiles = 0, height = 0, width = 0] = grids.subarray(3 * i, 3 * i + 3);
    return { tiles, height, width };
  });
  return { floats, ids, images, patches: floats("pixel_values") };
}

/** A family whose tiny model the reference has in a folder. */
export interface Family<M extends QwenVl> {
  readonly folder: string;
  readonly model: M;
  /**
   * What the vision tower and the mergers give of images beside their rows, by the name that the reference has for it;
   * `own` leaves out what is padding.
   */
  stages(
    w: Weights,
    patches: Tensor,
    bucket: ImageBucket,
    own: (x: Tensor) => Tensor,
    images: readonly ImageShape[],
  ): { rows: Tensor; stages: Record<string, Tensor> };
}

/** A model's weights by name. */
export async function readViews(
  model: VisionLanguageModel,
  folder: string,
): Promise<Record<string, Float32Array>> {
  const layout = new ParameterLayout(model.parameters);
  const flat = new Float32Array(layout.size);
  for (const [name, { data }] of await readModelWeights(folder)) layout.view(flat, name).set(data);
  return layout.views(flat);
}

/** The tests that all of Qwen's families share: everything that the reference says of its cases. */
export function testParity<M extends QwenVl>({ folder, model, stages }: Family<M>): void {
  const cases = readReference(`${folder}/cases.json`);
  let views: Record<string, Float32Array>;
  beforeAll(async () => {
    views = await readViews(model, referencePath(folder));
  });

  /** Vision tower and mergers of all images in one graph, padded to the largest: what they give, and what is fed. */
  function visionOf(w: Weights, images: readonly ImageShape[], patches: Float32Array) {
    const buckets = images.map((image) => model.bucket(image));
    const largest = (key: keyof ImageBucket) => Math.max(...buckets.map((each) => each[key]));
    const bucket = {
      tiles: images.length,
      patches: largest("patches"),
      rows: largest("rows"),
      windows: largest("windows"),
    };
    const own = (x: Tensor): Tensor => {
      const perTile = (x.shape[0] as number) / bucket.tiles;
      const share = perTile / bucket.patches;
      const kept = images.flatMap(({ height, width }, tile) =>
        Array.from({ length: height * width * share }, (_, i) => tile * perTile + i),
      );
      return gather(x, integers(kept), { unique: true });
    };
    let end = 0;
    const prepared = images.map((shape) => {
      const start = end;
      end += shape.height * shape.width * model.patchWidth;
      return { shape, patches: patches.subarray(start, end) };
    });
    const fed = input("patches", [bucket.tiles * bucket.patches, model.patchWidth]);
    return {
      ...stages(w, fed, bucket, own, images),
      feeds: imageFeeds(model, prepared, { ...bucket, tiles: 1 }, images.length),
    };
  }

  /** The text model over one sequence and one more token, which a tree needs: states [length + 1, D]. */
  function sequenceStates(w: Weights, length: number, rows: Tensor, image: ImageShape): Tensor {
    const tree = {
      prefixes: 1,
      prefixLength: length,
      branches: 1,
      branchLength: 1,
      image: model.bucket(image),
      imagesPerPrefix: 1,
    };
    return treeStates(model, w, tree, rows);
  }

  /** The images with the places where their tokens begin. */
  function shownIn(tokens: Int32Array, images: readonly ImageShape[]) {
    let from = 0;
    return images.map((shape) => {
      const start = tokens.indexOf(model.config.imageTokenId, from);
      from = start + model.rows(shape);
      return { shape, start };
    });
  }

  /** What such a sequence is fed. */
  function sequenceFeeds(tokens: Int32Array, images: readonly ImageShape[]) {
    const { axes, next } = model.positions(tokens.length, shownIn(tokens, images), 0);
    const numbers = (list: Iterable<number>) => BigInt64Array.from(list, BigInt);
    let row = tokens.length + 1;
    const sources = Array.from(tokens, (token, t) => (token === model.config.imageTokenId ? row++ : t));
    return {
      tokens: numbers([...tokens, model.config.padTokenId]),
      positions: numbers(axes.flatMap((axis) => [...Array.from(axis), next])),
      sources: numbers([...sources, tokens.length]),
      prefix_bias: new Float32Array(tokens.length),
    };
  }

  describe.each(["case0", "case1", "case2"])("%s", (name) => {
    test("positions", async () => {
      const { ids, images } = await referenceCase(folder, name);
      const tokens = ids("input_ids");
      const { axes, next } = model.positions(tokens.length, shownIn(tokens, images), 0);
      expect(axes.flatMap((axis) => Array.from(axis))).toEqual([...ids("position_ids")]);
      expect(next - tokens.length).toBe(ids("rope_delta")[0]);
    });

    test("vision tower, mergers and logits", async () => {
      const { floats, ids, images, patches } = await referenceCase(folder, name);
      const w = parameterTensors(model.parameters);
      const { rows, stages, feeds } = visionOf(w, images, patches);
      const tokens = ids("input_ids");
      const states = sequenceStates(w, tokens.length, rows, images[0] as ImageShape);
      const own = gather(states, integers([...tokens.keys()]), { unique: true });
      await using session = await Session.compile({ ...stages, logits: model.logits(w, own) }, options);
      const result = await session.run({ ...views, ...feeds, ...sequenceFeeds(tokens, images) });
      for (const stage of Object.keys(stages))
        expectClose(result[stage], floats(stage), stage === "vision_last_hidden_state" ? 1e-4 : 5e-5);
      expectClose(result.logits, floats("logits"), 2e-4);
    });
  });

  test.each(["case0", "case2"])("%s: cross-entropy and every gradient", async (name) => {
    const { floats, ids, images, patches } = await referenceCase(folder, name);
    const w = parameterTensors(model.parameters);
    const { rows, feeds } = visionOf(w, images, patches);
    const tokens = ids("input_ids");
    const completion = ids("completion_ids");
    const states = sequenceStates(w, tokens.length, rows, images[0] as ImageShape);
    const start = tokens.length - completion.length - 1;
    const before = integers([...completion.keys()].map((t) => start + t));
    const logits = model.logits(w, gather(states, before, { unique: true }));
    const logProbs = classLogProb(logits, integers([...completion]));
    const loss = crossEntropy(logProbs, input("weights", [completion.length]));
    const names = model.parameters.map((parameter) => parameter.name);
    await using session = await Session.compile(
      { loss, logProbs, ...gradientOutputs(loss, w, names) },
      options,
    );
    const weights = new Float32Array(completion.length).fill(1 / completion.length);
    const outputs = await session.run({ ...views, ...feeds, ...sequenceFeeds(tokens, images), weights });
    expectClose(outputs.logProbs, floats("completion_logprobs"), 1e-4);
    expectClose(outputs.loss, floats("loss_ce"), 1e-5);
    await expectGradients(outputs, `${folder}/${name}.grads_ce.safetensors`);
  });

  /** Cases with one image, which the policy's own graphs take. */
  const single = ["case0", "case1"];

  test.each(single)("%s: greedy tokens", async (name) => {
    const { ids, images, patches } = await referenceCase(folder, name);
    const [image] = images as [ImageShape];
    const { rows, feeds } = visionOf(parameterTensors(model.parameters), images, patches);
    await using session = await Session.compile({ rows }, options);
    const imageRows = (await session.run({ ...views, ...feeds })).rows as Float32Array;
    const wanted = [...ids("greedy_ids")];
    const prompt = ids("prompt_input_ids");
    const greedy = await greedyTokens(model, views, prompt, { shape: image, rows: imageRows }, wanted.length);
    expect(greedy).toEqual([wanted, wanted]);
  });

  test("case0: cross-entropy and every gradient of a padded micro-batch", async () => {
    const { floats, ids, images, patches } = await referenceCase(folder, "case0");
    const completion = ids("completion_ids");
    const [image] = images as [ImageShape];
    const job = imageJob(model, ids("prompt_input_ids"), image, [completion]);
    const weights = () => new Float32Array(completion.length).fill(1 / completion.length);
    const outputs = await differentiate(model, views, job, patches, { kind: "cross_entropy" }, { weights });
    expectClose(outputs.loss, floats("loss_ce"), 1e-5);
    await expectGradients(outputs, `${folder}/case0.grads_ce.safetensors`);
  });

  test.each(["grpo", "dapo"] as const)("%s: loss and every gradient", async (loss) => {
    const { images, patches, ids } = await referenceCase(folder, cases.grpo.uses_image_and_prompt_of);
    const [image] = images as [ImageShape];
    const group = await referenceGroup(folder, loss);
    const job = imageJob(model, ids("prompt_input_ids"), image, group.targets);
    const outputs = await differentiate(model, views, job, patches, group.objective, group.values);
    expectClose(outputs.loss, group.loss, 1e-5);
    await expectGradients(outputs, `${folder}/grpo.grads_${loss}.safetensors`);
  });

  test("the whole policy scores a prompt and its completion as the reference does", async () => {
    await using policy = await LocalPolicy.open(referencePath(folder), tinyOptions);
    for (const name of ["case0", "case1", "case2"]) {
      const { floats, ids, images: shapes } = await referenceCase(folder, name);
      const images = await Promise.all(
        shapes.map((_, i) => readReferenceImage(`${folder}/${name}.image${i}.png`)),
      );
      const prompt = { turns: turnsOf(cases[name].messages, images) };
      const completions = [{ tokens: ids("completion_ids") }];
      for (const weights of ["policy", "reference"] as const) {
        const [scores] = await policy.score([{ prompt, completions }], { weights, temperature: 1 });
        expectClose(scores?.[0], floats("completion_logprobs"), 1e-4);
      }
    }
  });
}
