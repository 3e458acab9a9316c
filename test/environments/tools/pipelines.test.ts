import { appendFileSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { PipelineKind } from "../../../environments/tools/pipelines/pipeline_protocol.ts";
import { openPipelineTool } from "../../../environments/tools/pipelines/pipeline_tool.ts";
import { closeTools } from "../../../environments/tools/tool.ts";
import { ToolRunner } from "../../../environments/tools/tool_runner.ts";
import { imageOf, type RgbImage } from "../../../images/image.ts";
import type { TurnPart } from "../../../policy/port.ts";
import { writeCaptioner, writeClassifier, writeDetector } from "../../fakes/picture_models.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-pipelines-"));
afterAll(() => rmSync(folder, { recursive: true }));

const red = [255, 0, 0];
const blue = [0, 0, 255];
const grey = [60, 60, 60];

/** 32 by 16 pixels, a colour for each half. */
function halves(left: readonly number[], right: readonly number[]): RgbImage {
  const pixels = Array.from({ length: 32 * 16 }, (_, i) => (i % 32 < 16 ? left : right));
  return imageOf(32, 16, Uint8Array.from(pixels.flat()));
}

/** What a tool answers to calls about pictures. */
async function answers(
  kind: PipelineKind,
  model: string,
  ...calls: readonly (readonly [RgbImage, object])[]
): Promise<TurnPart[]> {
  const { tool } = await openPipelineTool(kind, model, { setting: `use.0.${kind}`, timeLimitMs: 60_000 });
  try {
    const runner = new ToolRunner([tool], { timeLimitMs: 1, maxText: 10_000, maxPixels: 1_000_000 });
    const all = calls.map(async ([image, given]) => {
      const context = { images: [image], before: [], seed: 0, signal: new AbortController().signal };
      const { parts, fault } = await runner.answer({ name: kind, arguments: given }, context);
      expect(fault, String(parts[0])).toBe(null);
      return parts[0] as TurnPart;
    });
    return await Promise.all(all);
  } finally {
    await closeTools([tool]);
  }
}

test("classify says what a picture or a part of it shows, the likeliest first", async () => {
  const model = writeClassifier(join(folder, "classifier"));
  const image = halves(red, blue);
  const texts = await answers(
    "classify",
    model,
    [halves(red, red), { most: 2 }],
    [image, { box: [0, 0, 400, 1000], most: 1 }],
    [image, { box: [600, 0, 1000, 1000], most: 1 }],
  );
  const [whole, left, right] = texts.map((text) => JSON.parse(text as string).labels);
  // The softmax of 10, 0 and 0.
  expect(whole[0]).toEqual({ label: "red", score: 1 });
  expect(whole.length).toBe(2);
  expect([left[0].label, right[0].label]).toEqual(["red", "blue"]);
}, 60_000);

test("detect finds objects, with boxes in the whole picture", async () => {
  const model = writeDetector(join(folder, "detector"));
  const texts = await answers(
    "detect",
    model,
    [halves(red, blue), {}],
    [halves(red, grey), {}],
    [halves(grey, blue), { box: [500, 0, 1000, 500] }],
    [halves(red, blue), { threshold: 1 }],
  );
  const found = texts.map((text) => JSON.parse(text as string).objects);
  const score = Math.round((1000 * Math.exp(10)) / (Math.exp(10) + 2 + Math.exp(4))) / 1000;
  expect(found[0]).toEqual([
    { label: "red", score, box: [0, 0, 500, 1000] },
    { label: "blue", score, box: [500, 0, 1000, 1000] },
  ]);
  expect(found[1]).toEqual([{ label: "red", score, box: [0, 0, 500, 1000] }]);
  expect(found[2].map(({ box }: { box: number[] }) => box)).toEqual([
    [500, 0, 750, 500],
    [750, 0, 1000, 500],
  ]);
  expect(found[3]).toEqual([]);
}, 60_000);

test("caption describes a picture or a part of it, word by word", async () => {
  const model = writeCaptioner(join(folder, "captioner"));
  const image = halves(red, blue);
  expect(
    await answers("caption", model, [halves(red, red), {}], [image, { box: [600, 0, 1000, 1000] }]),
  ).toEqual(["a red picture", "a blue picture"]);
}, 60_000);

test("a model is pinned by its files, and quantized weights do where there are no others", async () => {
  const model = writeClassifier(join(folder, "pinned"));
  const digest = async () => {
    const { tool, digest } = await openPipelineTool("classify", model, { setting: "x", timeLimitMs: 1000 });
    await closeTools([tool]);
    return digest;
  };
  const first = await digest();
  expect(await digest()).toBe(first);
  appendFileSync(join(model, "config.json"), " ");
  expect(await digest()).not.toBe(first);
  renameSync(join(model, "onnx", "model.onnx"), join(model, "onnx", "model_quantized.onnx"));
  const [text] = await answers("classify", model, [halves(blue, blue), { most: 1 }]);
  expect(JSON.parse(text as string).labels[0].label).toBe("blue");
}, 60_000);

test("a folder without a model of that kind is refused", async () => {
  const options = { setting: "stages.0.tools.use.0.detect", timeLimitMs: 1000 };
  await expect(openPipelineTool("detect", folder, options)).rejects.toMatchObject({
    code: "model",
    message: expect.stringMatching(
      /^stages.0.tools.use.0.detect: found no model in .*expected a folder with config/,
    ),
  });
  const other = writeClassifier(join(folder, "other"));
  await expect(openPipelineTool("detect", other, options)).rejects.toMatchObject({
    code: "model",
    message: expect.stringMatching(/other has no model for object-detection \(.*vit/),
  });
}, 60_000);
