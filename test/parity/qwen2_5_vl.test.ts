import { expect, test } from "vitest";
import { gather } from "../../autodiff/operators/index.ts";
import { integers } from "../../autodiff/tensor.ts";
import { readModelJson } from "../../policy/model_files.ts";
import { Qwen25Vl } from "../../policy/models/qwen2_5_vl.ts";
import { parseQwen25VlConfig } from "../../policy/models/qwen2_5_vl_config.ts";
import { windowsOf } from "../../policy/models/qwen2_5_vl_windows.ts";
import type { ImageShape } from "../../policy/models/vision_language_model.ts";
import { readReference, referencePath } from "../reference_dir.ts";
import { referenceCase, testParity } from "./qwen_vl.ts";

const folder = "qwen2_5_vl-tiny";
const path = referencePath(folder);
const model = new Qwen25Vl(
  parseQwen25VlConfig(
    await readModelJson(`${path}/config.json`),
    await readModelJson(`${path}/generation_config.json`),
  ),
);

testParity({
  folder,
  model,
  stages(w, patches, bucket, own, images) {
    const vision = model.vision(w, patches, bucket);
    const rows = own(model.merge(w, vision));
    const inWindows = gather(own(vision), integers(patchOrder(images)), { unique: true });
    return { rows, stages: { vision_last_hidden_state: inWindows, merger_output: rows } };
  },
});

/** The patches of images window by window, as the reference has them. */
function patchOrder(images: readonly ImageShape[]): number[] {
  let first = 0;
  return images.flatMap((image) => {
    const perCell = model.config.vision.mergeSize ** 2;
    const start = first;
    first += image.height * image.width;
    return windowsOf(image, model.config.vision).order.flatMap((cell) =>
      Array.from({ length: perCell }, (_, i) => start + cell * perCell + i),
    );
  });
}

test.each(["case0", "case1", "case2"])("%s: window order", async (name) => {
  const { ids, images } = await referenceCase(folder, name);
  const { mergeSize } = model.config.vision;
  let cells = 0;
  const order: number[] = [];
  const sizes: number[] = [];
  for (const image of images) {
    const windows = windowsOf(image, model.config.vision);
    order.push(...windows.order.map((cell) => cells + cell));
    sizes.push(...windows.sizes.map((n) => n * mergeSize ** 2));
    cells += model.rows(image);
  }
  expect(order).toEqual([...ids("window_index")]);
  expect(sizes).toEqual(readReference(`${folder}/cases.json`)[name].window_sizes_in_patches);
});
