import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunConfig, RunConfigSchema } from "../../arena/config.ts";
import { openImages, openTemplates } from "../../cli/open.ts";
import { reasonerTemplates } from "../../reasoner/prompt.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "visplay-open-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("templates", () => {
  const templates = (prompts: Partial<RunConfig["prompts"]>, content: string) => {
    writeFileSync(join(folder, "visplay.json"), content);
    return openTemplates(RunConfigSchema.parse({ prompts }), folder);
  };

  test("come from the configuration, then the model, then the default", async () => {
    const content = JSON.stringify({ prompts: { questioner: "ask .", describer: "describe ." } });
    const defaults = { reasoner: reasonerTemplates.tags, format: "tags" };
    expect(await templates({}, content)).toEqual({ questioner: "ask .", ...defaults });
    expect(await templates({ questioner: "ask!", reasoner: "{question}!" }, content)).toEqual({
      questioner: "ask!",
      reasoner: "{question}!",
      format: "tags",
    });
  });

  test("are the configured format's", async () => {
    writeFileSync(join(folder, "visplay.json"), "{}");
    const found = await openTemplates(RunConfigSchema.parse({ format: "line" }), folder);
    expect(found.reasoner).toBe(reasonerTemplates.line);
    expect(found.format).toBe("line");
  });

  test("without a place for the question are refused, wherever they come from", async () => {
    expect(() => RunConfigSchema.parse({ prompts: { reasoner: "answer" } })).toThrow("{question}");
    const content = JSON.stringify({ prompts: { reasoner: "answer" } });
    await expect(templates({}, content)).rejects.toMatchObject({ code: "config" });
  });

  test("that a model folder garbles are an error of the model", async () => {
    for (const content of ["", "{", "[]", `{"prompts": {"reasoner": 3}}`, `{"prompts": {"reasoner": ""}}`]) {
      await expect(templates({}, content)).rejects.toMatchObject({ code: "model" });
    }
    rmSync(join(folder, "visplay.json"));
    mkdirSync(join(folder, "visplay.json"));
    await expect(openTemplates(RunConfigSchema.parse({}), folder)).rejects.toMatchObject({ code: "model" });
    rmSync(join(folder, "visplay.json"), { recursive: true });
  });
});

describe("images", () => {
  const open = async (images: object) => {
    const said: string[] = [];
    const config = RunConfigSchema.parse({ images });
    const signal = new AbortController().signal;
    const opened = await openImages(config, { say: (line) => said.push(line), doing: () => {}, signal });
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
    expect(truth?.(0, "what is the meaning of this ?")).toBeNull();
    expect(said).toEqual([]);
  });
});
