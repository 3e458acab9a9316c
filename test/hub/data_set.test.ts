import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openData } from "../../data/open.ts";
import { openHubData } from "../../hub/data_set.ts";
import { parseHubData } from "../../hub/name.ts";
import { HubServer } from "./server.ts";

const content = await readFile("test/data/files/datasets.parquet");
const shards = { "data/train-00000-of-00002.parquet": content, "data/train-00001-of-00002.parquet": content };

let hub: HubServer;
let home: string;
beforeEach(async () => {
  hub = await HubServer.start({
    ...shards,
    "data/test-00000-of-00001.parquet": content,
    "README.md": content,
  });
  home = await mkdtemp(join(tmpdir(), "visplay-hub-data-"));
  for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"])
    vi.stubEnv(name, undefined);
  vi.stubEnv("HF_HOME", home);
  vi.stubEnv("HF_ENDPOINT", hub.url);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  await rm(home, { recursive: true });
});

const signal = new AbortController().signal;

async function names(data: string): Promise<string[]> {
  const name = parseHubData(data);
  if (!name) throw new Error(`${data} is no name`);
  return (await openHubData(name, () => {}, signal)).map((file) => file.name);
}

test("names have a revision, a part and a split, each of them optional", () => {
  expect(parseHubData("owner/name")).toEqual({
    repo: "owner/name",
    revision: "main",
    config: null,
    split: null,
  });
  expect(parseHubData("o/n@v1.0:vqa/test")).toEqual({
    repo: "o/n",
    revision: "v1.0",
    config: "vqa",
    split: "test",
  });
  for (const text of ["name", "./o/n", "o/n/", "/o/n", "../o/n", "o/n:", "~/o/n", "o/n/a/b"])
    expect(parseHubData(text)).toBeUndefined();
});

describe("a data set on the hub", () => {
  test("is read from the cache that Python shares, where its split was put", async () => {
    const set = await openData("owner/data/train", {
      signal,
      onHub: (text) => openHubData(parseHubData(text) as never, () => {}, signal),
    });
    expect(set.length).toBe(8);
    expect(await set.row(7)).toMatchObject({ question: "how many in 3?", answers: ["3"] });
    expect(set.place(7)).toEqual({ file: "data/train-00001-of-00002.parquet", row: 4 });
    const snapshot = join(
      home,
      "hub/datasets--owner--data/snapshots",
      "0123456789abcdef0123456789abcdef01234567",
    );
    expect(await readFile(join(snapshot, "data/train-00000-of-00002.parquet"))).toEqual(content);
    expect(hub.requests.some(({ path }) => path.includes("/resolve/") && path.includes("test-0"))).toBe(
      false,
    );
  });

  test("with several splits asks which", async () => {
    await expect(names("owner/data")).rejects.toMatchObject({
      code: "data",
      message:
        "data set owner/data: found several of them (splits), expected one of test, train, as owner/data/SPLIT",
    });
    await expect(names("owner/data/dev")).rejects.toThrow("found no split dev, expected one of test, train");
    await expect(names("owner/data:vqa/test")).rejects.toThrow(
      "found no config vqa, expected one of default",
    );
  });

  test("that is no Parquet is had as the hub converts it", async () => {
    hub.revisions = ["main", "refs/convert/parquet"];
    hub.files = { "rows.csv": content };
    await expect(names("owner/data")).rejects.toThrow("found no Parquet file in revision main");
    hub.files = {
      "chart/train/0000.parquet": content,
      "chart/train/0001.parquet": content,
      "text/test/0000.parquet": content,
    };
    expect(await names("owner/data:chart")).toEqual(["chart/train/0000.parquet", "chart/train/0001.parquet"]);
    expect(await names("owner/data:text/test")).toEqual(["text/test/0000.parquet"]);
    await expect(names("owner/data")).rejects.toThrow("expected one of chart, text, as owner/data:CONFIG");
  });

  test("without the network is what the cache has, if that is whole", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(names("owner/data/train")).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("hf download owner/data --repo-type dataset --local-dir FOLDER"),
    });
    vi.stubEnv("HF_HUB_OFFLINE", undefined);
    await names("owner/data/train");
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    const asked = hub.requests.length;
    expect(await names("owner/data/train")).toEqual(Object.keys(shards));
    expect(hub.requests.length).toBe(asked);
    const snapshot = join(
      home,
      "hub/datasets--owner--data/snapshots/0123456789abcdef0123456789abcdef01234567",
    );
    await rm(join(snapshot, "data/train-00000-of-00002.parquet"));
    await expect(names("owner/data/train")).rejects.toThrow("found 1 of 2 files in the cache");
  });

  test.each([
    [401, "access refused (401)"],
    [404, "not found (404)"],
    [503, "the server answered with status 503"],
  ])("status %i is explained", async (status, problem) => {
    hub.status = status;
    await expect(names("owner/data/train")).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining(`data set owner/data from ${hub.url}: ${problem}`),
    });
  });
});
