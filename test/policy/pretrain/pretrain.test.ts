import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PretrainProgress, pretrain } from "../../../policy/pretrain/pretrain.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-pretrain-"));
});
afterAll(() => rm(folder, { recursive: true }));

const options = {
  ...{ seed: 4, threads: 1 },
  vision: { steps: 12, images: 8, learningRate: 3e-3 },
  careful: { steps: 6, images: 2, learningRate: 1.5e-3 },
  careless: { steps: 2, images: 2, learningRate: 1e-3, share: 0.5 },
  asking: { steps: 2, images: 2, learningRate: 5e-4 },
};

/** A short pretraining: its weights, and the loss of each step. */
async function made(name: string): Promise<{ weights: Buffer; progress: PretrainProgress[] }> {
  const progress: PretrainProgress[] = [];
  await pretrain(join(folder, name), options, (now) => progress.push(now));
  return { weights: await readFile(join(folder, name, "model.safetensors")), progress };
}

test("all stages learn, and the same options give the same bits", async () => {
  const { weights, progress } = await made("a");
  const lossesOf = (stage: string) => progress.filter((each) => each.stage === stage).map(({ loss }) => loss);
  expect(["vision", "careful", "careless", "asking"].map((stage) => lossesOf(stage).length)).toEqual([
    12, 6, 2, 2,
  ]);
  for (const stage of ["vision", "careful"]) {
    const losses = lossesOf(stage);
    expect(losses.at(-1), stage).toBeLessThan(0.9 * (losses[0] as number));
  }
  expect(lossesOf("careless").every(Number.isFinite)).toBe(true);
  expect((await made("b")).weights.equals(weights)).toBe(true);
});
