import { add, concat } from "../../autodiff/operators/index.ts";
import type { Tensor } from "../../autodiff/tensor.ts";
import type { TensorData } from "../../autodiff/tensor_type.ts";
import { embedPatches, type Weights } from "./layers.ts";
import { ParameterList } from "./parameter_list.ts";
import { QwenVl } from "./qwen_vl.ts";
import { attendWhole, patchRotation } from "./qwen_vl_padding.ts";
import { putBlocks, visionBlock } from "./qwen_vl_vision.ts";
import type { Qwen3VlConfig } from "./qwen3_vl_config.ts";
import { learnedPositions, mergeCells, positionFeeds, qwen3TowerParts } from "./qwen3_vl_vision.ts";
import type { ImageBucket, ImageShape, ParameterSpec } from "./vision_language_model.ts";

const visionName = "model.visual";
const textName = "model.language_model";

/** What the vision tower gives: patches [N, vision hidden]. */
export interface Qwen3VlFeatures {
  readonly last: Tensor;
  /** Of the layers that are passed on. */
  readonly deep: readonly Tensor[];
}

/**
 * The Qwen3-VL architecture (2511.21631) without experts: all patches of an image see each other, and besides the last
 * layer of the vision tower, which gives the image's embeddings, the outputs of some layers before are added to the states
 * of the text model's first layers (DeepStack, 2406.04334).
 */
export class Qwen3Vl extends QwenVl<Qwen3VlConfig> {
  readonly imageWidth: number;

  constructor(config: Qwen3VlConfig) {
    super(config, { name: textName, attentionBias: false, headNorms: true }, imageParameters(config));
    this.imageWidth = (1 + config.vision.deepLayers.length) * config.text.hiddenSize;
  }

  override gridFeeds(images: readonly ImageShape[], bucket: ImageBucket): Record<string, TensorData> {
    return {
      ...super.gridFeeds(images, bucket),
      ...positionFeeds(images, bucket, this.config.vision),
    };
  }

  encode(w: Weights, patches: Tensor, bucket: ImageBucket): Tensor {
    return this.merge(w, this.vision(w, patches, bucket));
  }

  /** The vision tower: patches [N, patchWidth] to features, cell by cell within each tile. */
  vision(w: Weights, patches: Tensor, bucket: ImageBucket): Qwen3VlFeatures {
    const { vision } = this.config;
    const embedded = embedPatches(w, `${visionName}.patch_embed.proj`, patches, vision.hiddenSize, true);
    let x = add(embedded, learnedPositions(w(`${visionName}.pos_embed.weight`), bucket));
    const rotate = patchRotation(bucket, vision);
    const attend = attendWhole(bucket, vision.heads);
    const deep: Tensor[] = [];
    for (let i = 0; i < vision.layers; i++) {
      x = visionBlock(w, `${visionName}.blocks.${i}`, x, qwen3TowerParts, rotate, attend);
      if (vision.deepLayers.includes(i)) deep.push(x);
    }
    return { last: x, deep };
  }

  /** The mergers: the vision tower's features to [rows, imageWidth]. */
  merge(w: Weights, { last, deep }: Qwen3VlFeatures): Tensor {
    const { vision } = this.config;
    const embedding = mergeCells(w, `${visionName}.merger`, last, vision, "patch");
    const rest = deep.map((features, i) =>
      mergeCells(w, `${visionName}.deepstack_merger_list.${i}`, features, vision, "cell"),
    );
    return concat([embedding, ...rest], { axis: 1 });
  }

  moduleNames(layer: string): [string] {
    return [layer];
  }
}

/** Of the vision tower and the mergers. */
function imageParameters({ text, vision }: Qwen3VlConfig): ParameterSpec[] {
  const { hiddenSize: D, patchSize, temporalPatchSize, mergeSize } = vision;
  const tower = new ParameterList(visionName, "vision");
  tower.affine("patch_embed.proj", D, 3, temporalPatchSize, patchSize, patchSize);
  tower.put("pos_embed.weight", vision.positionsPerSide ** 2, D);
  putBlocks(tower, vision, qwen3TowerParts);
  const mergers = new ParameterList(visionName, "connector");
  const joined = D * mergeSize ** 2;
  const putMerger = (name: string, normed: number): void => {
    mergers.affine(`${name}.norm`, normed);
    mergers.affine(`${name}.linear_fc1`, joined, joined);
    mergers.affine(`${name}.linear_fc2`, text.hiddenSize, joined);
  };
  putMerger("merger", D);
  vision.deepLayers.forEach((_, i) => {
    putMerger(`deepstack_merger_list.${i}`, joined);
  });
  return [...tower.specs, ...mergers.specs];
}
