import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pushFolder, requireTarget } from "../../hub/push.ts";
import { PushServer, token } from "./push_server.ts";

let hub: PushServer;
let folder: string;
beforeEach(async () => {
  hub = await PushServer.start();
  folder = await mkdtemp(join(tmpdir(), "visplay-push-"));
  vi.stubEnv("HF_HUB_OFFLINE", undefined);
  vi.stubEnv("HF_TOKEN", token);
  vi.stubEnv("HF_ENDPOINT", hub.url);
  await mkdir(join(folder, "data"));
  await writeFile(join(folder, "README.md"), "# Curriculum");
  await writeFile(join(folder, "curriculum.json"), "{}");
  for (const i of [0, 1, 2])
    await writeFile(join(folder, `data/train-${i}.parquet`), Buffer.alloc(50_000, i));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const { signal } = new AbortController();

async function push(isPublic = false): Promise<string> {
  const target = { repo: "owner/name", isPublic };
  await requireTarget(target, signal);
  return pushFolder(folder, target, () => {}, signal);
}

describe("a folder that becomes a data set on the hub", () => {
  test.each([false, true])("is there whole, public only where that is said (%s)", async (isPublic) => {
    expect(await push(isPublic)).toBe(`${hub.url}/datasets/owner/name`);
    const { private: isPrivate, files } = hub.repositories.get("owner/name") ?? {};
    expect(isPrivate).toBe(!isPublic);
    const names = (await readdir(folder, { recursive: true })).filter((name) => name.includes("."));
    expect([...(files?.keys() ?? [])].sort()).toEqual(names.sort());
    for (const name of names) expect(files?.get(name)).toEqual(await readFile(join(folder, name)));
  });

  test("in several commits describes itself in the last one", async () => {
    await mkdir(join(folder, "images"));
    for (let i = 0; i < 30; i++) await writeFile(join(folder, `images/${i}.txt`), String(i));
    const seen: number[] = [];
    const target = { repo: "owner/name", isPublic: false };
    await pushFolder(folder, target, (done, files) => seen.push(done / files), signal, 30);
    const { commits = [] } = hub.repositories.get("owner/name") ?? {};
    expect(commits.map(({ length }) => length)).toEqual([30, 5]);
    expect(commits[1]?.slice(-2)).toEqual(["README.md", "curriculum.json"]);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  test("goes into an empty one of that name, and into no other", async () => {
    hub.add("owner/name", true).files.set(".gitattributes", Buffer.from(""));
    await push();
    await expect(push()).rejects.toThrow(/found data\/train-0.parquet in one of that name|found curriculum/);
  });

  test.each([
    [false, "public; say --public"],
    [true, "private; leave out --public"],
  ])("is not put where others see it, or do not, against what was said", async (isPublic, problem) => {
    hub.add("owner/name", isPublic);
    await expect(push(isPublic)).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining(problem),
    });
    expect(hub.repositories.get("owner/name")?.files.size).toBe(0);
  });

  test("that the hub refuses or cannot take is said to be", async () => {
    for (const [fault, status, problem] of [
      [/preupload/, 403, "access refused (403); set HF_TOKEN"],
      [/storage/, 507, "it has no room for it (507)"],
      [/commit/, 500, "the server answered with status 500"],
    ] as const) {
      hub.faults.clear();
      hub.faults.set(fault, status);
      hub.repositories.clear();
      const message = expect.stringContaining(`data set owner/name at ${hub.url}: ${problem}`);
      await expect(push()).rejects.toMatchObject({ code: "data", message });
    }
    vi.stubEnv("HF_TOKEN", "hf_other");
    await expect(push()).rejects.toThrow("access refused (401)");
    vi.stubEnv("HF_TOKEN", undefined);
    await expect(push()).rejects.toThrow("found no HF_TOKEN, expected a token");
    vi.stubEnv("HF_TOKEN", token);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(push()).rejects.toThrow("HF_HUB_OFFLINE=1 forbids the network");
    vi.stubEnv("HF_HUB_OFFLINE", undefined);
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
    await expect(push()).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("cannot be reached"),
    });
  });

  test("ends where that is wanted", async () => {
    const controller = new AbortController();
    const target = { repo: "owner/name", isPublic: false };
    const stop = (): void => controller.abort(new Error("enough"));
    await expect(pushFolder(folder, target, stop, controller.signal)).rejects.toThrow("enough");
    expect(hub.repositories.get("owner/name")?.files.size).toBe(0);
  });
});
