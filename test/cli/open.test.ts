import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openImages, templatesOf } from "../../cli/open.ts";
import { sayPictures } from "../../cli/pictures.ts";
import { imageOf } from "../../images/image.ts";
import { describerTemplate, readerTemplates, reasonerTemplates } from "../../reasoner/prompt.ts";
import { configOf } from "../fakes/config.ts";
import { referencePath } from "../reference_dir.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "visplay-open-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("templates", () => {
  const ofModel = { questioner: "ask ." };

  test("come from the configuration, then the model, then the default", () => {
    const described = { describer: describerTemplate, reader: readerTemplates.tags };
    const defaults = { reasoner: reasonerTemplates.tags, ...described, format: "tags" };
    expect(templatesOf({ config: configOf(), prompts: ofModel })).toEqual({
      questioner: "ask .",
      ...defaults,
    });
    const prompts = { questioner: "ask!", reasoner: "{question}!" };
    expect(templatesOf({ config: configOf({ prompts }), prompts: ofModel })).toEqual({
      ...prompts,
      ...described,
      format: "tags",
    });
  });

  test("are the configured format's", () => {
    const found = templatesOf({ config: configOf({ format: "line" }), prompts: {} });
    expect(found.reasoner).toBe(reasonerTemplates.line);
    expect(found.format).toBe("line");
  });

  test("without a place for the question are refused, wherever they come from", () => {
    expect(() => configOf({ prompts: { reasoner: "answer" } })).toThrow("{question}");
    const prompts = { reasoner: "answer" };
    expect(() => templatesOf({ config: configOf(), prompts })).toThrow("{question}");
    const blind = { reader: "{question}" };
    expect(() => configOf({ prompts: blind })).toThrow("{description}");
    expect(() => templatesOf({ config: configOf(), prompts: blind })).toThrow("{description}");
  });
});

describe("pictures", () => {
  const say = async (settings: object, model: string, width: number, height: number) => {
    const said: string[] = [];
    const config = configOf({ model: settings });
    const image = imageOf(width, height, new Uint8Array(width * height * 3));
    const file = { id: "x", extension: "png", bytes: async () => new Uint8Array() };
    const source = { length: 20, name: String, load: async () => ({ image, file }) };
    await sayPictures({ config, base: referencePath(model) }, source, (line) => said.push(line));
    return said;
  };

  test("cost what the model makes of them", async () => {
    expect(await say({}, "smolvlm-tiny", 300, 200)).toEqual(["a picture is 16 tokens"]);
    expect(await say({}, "qwen2_5_vl-tiny", 112, 56)).toEqual(["a picture is 8 tokens"]);
    expect(await say({}, "qwen3_vl-tiny", 64, 48)).toEqual(["a picture is 12 tokens"]);
  });

  test("cut into tiles are said with the setting that keeps them whole", async () => {
    const [line] = await say({ maxPixels: 128 ** 2 }, "smolvlm-tiny", 128, 128);
    expect(line).toMatch(/^a picture is 5 tiles, 80 tokens; model\.splitting=false shows it as one tile/);
    expect(await say({ maxPixels: 128 ** 2, splitting: false }, "smolvlm-tiny", 128, 128)).toEqual([
      "a picture is 16 tokens",
    ]);
  });

  test("whose resolution memory bounds are noted", async () => {
    const [note] = await say({ maxPixels: 12_845_056 }, "qwen2_5_vl-tiny", 112, 56);
    expect(note).toMatch(/^note: pictures of more than [\d,]+ pixels are scaled down.*model\.maxPixels/);
  });

  test("of a resolution that the model does not have are refused", async () => {
    await expect(say({ splitting: true }, "qwen2_5_vl-tiny", 56, 56)).rejects.toMatchObject({
      code: "config",
    });
  });
});

describe("images", () => {
  const open = async (images: object) => {
    const said: string[] = [];
    const config = configOf({ images });
    const signal = new AbortController().signal;
    const opened = await openImages(config, { say: (line) => said.push(line), show: () => {}, signal });
    return { ...opened, said };
  };

  test("that cannot be used are named and counted", async () => {
    const photos = join(folder, "photos");
    mkdirSync(photos);
    const red = { create: { width: 4, height: 3, channels: 3 as const, background: "red" } };
    await sharp(red).png().toFile(join(photos, "a.png"));
    for (let i = 10; i < 32; i++) writeFileSync(join(photos, `broken-${i}.jpg`), "");
    const { images, truth, said } = await open({ folder: photos });
    expect(images.length).toBe(1);
    expect(truth).toBeNull();
    expect(said[0]).toMatch(/^skipped: broken-10\.jpg: /);
    expect(said.slice(-2)).toEqual([
      "skipped: and 2 more",
      `${photos}: 1 image, 22 skipped, 0 of other kinds`,
    ]);
  });

  test("are scenes where there is no folder, with their truth", async () => {
    const { images, truth, said } = await open({ scenes: { count: 3 } });
    expect(images.length).toBe(3);
    expect(truth?.answer(0, "what is the meaning of this ?")).toBeNull();
    expect(said).toEqual([]);
  });
});
