import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pipelineFiles } from "../../environments/tools/pipelines/model_files.ts";
import type { DownloadProgress } from "../../hub/fetch_files.ts";
import { type HubModel, openHubModel } from "../../hub/model.ts";
import { commit, type Fault, HubServer } from "./server.ts";

const weights = Buffer.alloc(300_000, "weights");
const model = {
  "config.json": Buffer.from('{"model_type": "idefics3"}'),
  "tokenizer.json": Buffer.alloc(70_000, "tokens"),
  "tokenizer_config.json": Buffer.from("{}"),
  "preprocessor_config.json": Buffer.from("{}"),
  "chat_template.jinja": Buffer.from("{{ messages }}"),
  "model.safetensors": weights,
};
const unwanted = { "README.md": weights, "pytorch_model.bin": weights, "onnx.onnx": weights };

let hub: HubServer;
let home: string;
/** The cache's folder of the repository. */
let folder: string;

beforeEach(async () => {
  hub = await HubServer.start({ ...model, ...unwanted });
  home = await mkdtemp(join(tmpdir(), "visplay-hub-"));
  folder = join(home, "hub", "models--owner--model");
  for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"])
    vi.stubEnv(name, undefined);
  vi.stubEnv("HF_HOME", home);
  vi.stubEnv("HF_ENDPOINT", `${hub.url}/`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  await rm(home, { recursive: true });
});

function open(
  revision = "main",
  onProgress: (progress: DownloadProgress) => void = () => {},
  signal = new AbortController().signal,
): Promise<HubModel> {
  return openHubModel({ repo: "owner/model", revision }, onProgress, signal);
}

const entries = (path: string): Promise<string[]> => readdir(path).catch(() => []);

describe("a download", () => {
  test("fills the cache as Python lays it out, with what a model needs", async () => {
    const progress: DownloadProgress[] = [];
    const opened = await open("main", (now) => progress.push(now));
    expect(opened).toEqual({ folder: join(folder, "snapshots", commit), commit });
    expect((await readdir(opened.folder)).sort()).toEqual(Object.keys(model).sort());
    expect(await readFile(join(opened.folder, "model.safetensors"))).toEqual(weights);
    expect(await readFile(join(folder, "refs", "main"), "utf8")).toBe(commit);
    const link = await readlink(join(opened.folder, "config.json"));
    expect(link).toMatch(/^\.\.[/\\]\.\.[/\\]blobs[/\\][0-9a-f]{40}$/);
    expect(await readlink(join(opened.folder, "model.safetensors"))).toMatch(/[0-9a-f]{64}$/);
    expect(progress.at(-1)).toEqual({ path: "model.safetensors", bytes: 300_000, size: 300_000 });
  });

  test("is used again without the network", async () => {
    const first = await open();
    hub.status = 500;
    const asked = hub.requests.length;
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await open()).toEqual(first);
    expect(await open(commit)).toEqual(first);
    expect(hub.requests.length).toBe(asked);
  });

  test("goes on where it was interrupted, with what came whole", async () => {
    hub.faults["model.safetensors"] = "cut";
    await expect(open()).rejects.toThrow();
    hub.faults = {};
    const asked = hub.requests.length;
    await open();
    const again = hub.requests.slice(asked).map(({ path }) => path);
    expect(again.filter((path) => path.includes("/resolve/")).map((path) => path.split("/").at(-1))).toEqual([
      "model.safetensors",
      "model.safetensors",
    ]);
  });

  test("takes the shards that the index lists, and misses those that are not there", async () => {
    const { "model.safetensors": _, ...rest } = model;
    const [a, b] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const index = Buffer.from(JSON.stringify({ weight_map: { x: a, y: b } }));
    hub.files = { ...rest, "model.safetensors.index.json": index, [a]: weights };
    await expect(open()).rejects.toThrow(`the repository has no ${b}`);
    hub.files[b] = Buffer.from("other");
    const { folder: whole } = await open();
    expect((await readdir(whole)).filter((name) => name.endsWith(".safetensors"))).toEqual([a, b]);
  });

  test("takes the files of another kind of model, also in folders, and of its weights the first that are there", async () => {
    const graph = Buffer.from("graph");
    hub.files = {
      "config.json": Buffer.from("{}"),
      "preprocessor_config.json": Buffer.from("{}"),
      "README.md": weights,
      "onnx/model_quantized.onnx": graph,
      "onnx/model_fp16.onnx": weights,
      "onnx/decoder_model_merged.onnx": weights,
    };
    const asked = { repo: "owner/model", revision: "main" };
    const openPipeline = () => openHubModel(asked, () => {}, new AbortController().signal, pipelineFiles);
    const opened = await openPipeline();
    expect((await readdir(opened.folder, { recursive: true })).sort()).toEqual([
      ...["config.json", "onnx", join("onnx", "model_quantized.onnx"), "preprocessor_config.json"],
    ]);
    expect(await readFile(join(opened.folder, "onnx", "model_quantized.onnx"))).toEqual(graph);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await openPipeline()).toEqual(opened);
    // What can be looked at with cannot be trained.
    await expect(open()).rejects.toThrow("HF_HUB_OFFLINE=1 forbids the network");
  });

  test("sends the token", async () => {
    vi.stubEnv("HF_TOKEN", "hf_secret");
    await open();
    expect(new Set(hub.requests.map(({ token }) => token))).toEqual(new Set(["Bearer hf_secret"]));
  });

  test("ends where it is cancelled, and leaves no part of a file", async () => {
    const controller = new AbortController();
    const stop = ({ path }: DownloadProgress): void => {
      if (path === "model.safetensors") controller.abort(new Error("stopped"));
    };
    await expect(open("main", stop, controller.signal)).rejects.toThrow("stopped");
    const blobs = await entries(join(folder, "blobs"));
    expect(blobs.filter((name) => !/^[0-9a-f]{40}$/.test(name))).toEqual([]);
  });
});

describe("what goes wrong", () => {
  const broken: Record<Fault, string> = {
    cut: "the connection broke off; what came whole is kept, try again",
    short: "model.safetensors ended after 299995 of 300000 bytes",
    long: "model.safetensors is longer than the 300000 bytes announced",
    changed: "model.safetensors does not have the hash announced",
  };
  test.each(Object.entries(broken))("content that is %s leaves no file", async (fault, message) => {
    hub.faults["model.safetensors"] = fault as Fault;
    await expect(open()).rejects.toMatchObject({ code: "model", message: expect.stringContaining(message) });
    expect(await entries(join(folder, "snapshots", commit))).not.toContain("model.safetensors");
    const blobs = await entries(join(folder, "blobs"));
    expect(blobs.filter((name) => !/^[0-9a-f]{40}$/.test(name))).toEqual([]);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(open()).rejects.toThrow("HF_HUB_OFFLINE=1 forbids the network");
  });

  test.each([
    [401, "access refused (401)", "HF_TOKEN"],
    [403, "access refused (403)", "accept terms at"],
    [404, "not found (404)", "no revision main"],
    [503, "status 503", "try again later"],
  ])("status %i is explained", async (status, problem, remedy) => {
    hub.status = status;
    await expect(open()).rejects.toMatchObject({
      code: "model",
      message: expect.stringMatching(
        new RegExp(`^model owner/model from ${hub.url}: .*${escaped(problem)}.*${remedy}`),
      ),
    });
  });

  test("a token of another kind is named", async () => {
    vi.stubEnv("HF_TOKEN", "secret");
    await expect(open()).rejects.toMatchObject({
      code: "model",
      message: expect.stringContaining("must start with 'hf_'"),
    });
  });

  test("a repository that is no such model is refused before its weights come", async () => {
    const { "tokenizer.json": _, ...rest } = model;
    hub.files = rest;
    await expect(open()).rejects.toThrow("the repository has no tokenizer.json");
    expect(hub.requests.some(({ path }) => path.includes("/resolve/"))).toBe(false);
  });

  test("without a network it says what is missing, where it looked, and what to do", async () => {
    await open();
    await rm(join(folder, "snapshots", commit, "tokenizer.json"));
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
    await expect(open()).rejects.toMatchObject({
      code: "model",
      message: expect.stringMatching(
        /cannot be reached[\s\S]*missing: tokenizer\.json\n[\s\S]*looked in: .*snapshots.*\n[\s\S]*hf download owner\/model[\s\S]*--model FOLDER/,
      ),
    });
    vi.stubEnv("HF_HOME", join(home, "empty"));
    await expect(open()).rejects.toThrow(
      /missing: config\.json, tokenizer\.json, tokenizer_config\.json, preprocessor_config\.json or processor_config\.json, model\.safetensors or /,
    );
  });

  test("a cache that cannot be written is a disk error", async () => {
    await mkdir(join(home, "hub"));
    await writeFile(folder, "no folder");
    await expect(open()).rejects.toMatchObject({
      code: "disk",
      message: expect.stringContaining("HF_HOME"),
    });
  });

  test("more bytes than are free are refused before anything is written", async () => {
    hub.sizes["model.safetensors"] = 2 ** 60;
    await expect(open()).rejects.toMatchObject({
      code: "disk",
      message: expect.stringMatching(/needs \d+ MB, \d+ MB are free; make room/),
    });
    expect(await entries(join(folder, "blobs"))).toEqual([]);
  });
});

function escaped(text: string): string {
  return text.replace(/[()]/g, "\\$&");
}
