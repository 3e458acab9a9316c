import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunSettingsSchema } from "../../arena/config/config.ts";
import { openModel } from "../../cli/model.ts";
import { copyModelFiles } from "../../policy/weights/model_weights.ts";
import { program } from "../built.ts";
import { commit, HubServer } from "../hub/server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-model-"));
});
afterAll(() => rm(folder, { recursive: true }));

const open = (model: string) => openModel(RunSettingsSchema.parse({ model }), new AbortController().signal);

describe("a model", () => {
  test('may be a folder, or "tiny"', async () => {
    expect(await open(folder)).toMatchObject({ folder, config: { model: { name: folder } } });
    const { folder: tiny } = await open("tiny");
    expect(await readdir(tiny)).toContain("model.safetensors");
  });

  test("that is nothing of the kind is refused with all that it could have been", async () => {
    const expected = 'expected "tiny", a Hugging Face model folder, or owner/name[@revision]';
    const file = join(folder, "file");
    await writeFile(file, "");
    await expect(open("nowhere")).rejects.toMatchObject({
      code: "model",
      message: `model nowhere is no folder, and no name on the hub; ${expected}`,
    });
    await expect(open(file)).rejects.toThrow(`model ${file} is a file, not a folder; ${expected}`);
  });
});

describe("what a model's folder says of prompts and lengths", () => {
  const opened = async (content: string) => {
    await writeFile(join(folder, "visplay.json"), content);
    const { config, prompts } = await open(folder);
    return { prompts, longest: [config.questioner.maxTokens, config.reasoner.maxTokens] };
  };

  test("counts where the settings leave it open", async () => {
    const content = JSON.stringify({ prompts: { narrator: "describe ." }, maxTokens: { reasoner: 7 } });
    expect(await opened(content)).toEqual({ prompts: {}, longest: [192, 7] });
    expect(await opened("{}")).toEqual({ prompts: {}, longest: [192, 512] });
  });

  test("goes with the model: what is trained from the embedded one is as terse", async () => {
    const trained = join(folder, "trained");
    const { folder: tiny, config } = await open("tiny");
    await copyModelFiles(tiny, trained, "float32");
    const again = await open(trained);
    expect([config.questioner.maxTokens, config.reasoner.maxTokens]).toEqual([32, 32]);
    expect([again.config.questioner.maxTokens, again.config.reasoner.maxTokens]).toEqual([32, 32]);
    expect(again.prompts).toEqual({
      questioner: "ask .",
      reasoner: "{question}",
      describer: "describe .",
      reader: "{description} . {question}",
    });
  });

  test("of another form is an error of the model", async () => {
    const garbled = ["", "{", "[]", '{"prompts": {"reasoner": 3}}', '{"prompts": {"reasoner": ""}}'];
    for (const content of [...garbled, '{"maxTokens": {"reasoner": 0}}'])
      await expect(opened(content)).rejects.toMatchObject({ code: "model" });
    await rm(join(folder, "visplay.json"));
    await mkdir(join(folder, "visplay.json"));
    await expect(open(folder)).rejects.toMatchObject({ code: "model" });
    await rm(join(folder, "visplay.json"), { recursive: true });
  });
});

test("a name on the hub is downloaded with progress, then used offline", async () => {
  const tiny = join(root, "models/tiny");
  const names = (await readdir(tiny)).filter((name) => name !== "README.md");
  const files = await Promise.all(
    names.map(async (name) => [name, await readFile(join(tiny, name))] as const),
  );
  await using hub = await HubServer.start(Object.fromEntries(files));
  const evaluate = (environment: NodeJS.ProcessEnv) =>
    new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
      const sizes = ["questions=7", "scenes=7", "samples=1"].flatMap((size) => [
        "--set",
        `evaluation.${size}`,
      ]);
      const args = [program, "eval", "--model", "owner/model", ...sizes];
      const env = {
        ...process.env,
        HF_HOME: folder,
        HF_HUB_CACHE: undefined,
        HF_ENDPOINT: hub.url,
        ...environment,
      };
      const child = execFile(process.execPath, args, { env }, (_error, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout, stderr });
      });
    });
  const first = await evaluate({});
  expect(first.code, first.stderr).toBe(0);
  expect(first.stderr).toMatch(/^model\.safetensors: 3\.9 MB$/m);
  hub.status = 404;
  const second = await evaluate({ HF_HUB_OFFLINE: "1" });
  expect(second).toEqual({ ...first, stderr: "" });
  expect(await evaluate({ HF_HOME: join(folder, "other") })).toMatchObject({ code: 4, stdout: "" });
  expect((await readdir(join(folder, "hub/models--owner--model/snapshots")))[0]).toBe(commit);
});
