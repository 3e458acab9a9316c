import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encodePng } from "../../images/encode.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import { ReplayReader, readPins } from "../../replay/reader.ts";
import { runProgram } from "../built.ts";
import { writeOpposites } from "../fakes/labelled.ts";
import { smallRun } from "./small_run.ts";

/*
 * A run on a folder of pictures that is stopped in its Reasoner phase; then something changes that it is made of.
 */

const settings = [
  ...smallRun,
  "checkpoint.everySteps=1",
  "checkpoint.keep=50",
  "evaluation.questions=0",
  "curriculum.band.low=0",
].flatMap((setting) => ["--set", setting]);
const scenes = new SceneSource({ domain: "target", count: 20, seed: 3 });
const names = ["b.png", "c.png", "d.png", "sub/e.png", "f.png", "g.png"];

let folder: string;
let photos: string;
let model: string;
/** A run on them that has finished; tests work on copies of it. */
let finished: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-pins-"));
  [photos, model, finished] = [join(folder, "photos"), join(folder, "model"), join(folder, "finished")];
  await putAll();
  const begun = await say("train", "--images", "photos", "--model", "model", "--out", finished, ...settings);
  expect(begun).toMatchObject({ code: 0 });
}, 240_000);
afterAll(() => rm(folder, { recursive: true }));

/** Pictures and model as the run began with them. */
async function putAll(): Promise<void> {
  await rm(photos, { recursive: true, force: true });
  await rm(model, { recursive: true, force: true });
  await cp(fileURLToPath(new URL("../../models/tiny", import.meta.url)), model, { recursive: true });
  await mkdir(join(photos, "sub"), { recursive: true });
  for (const [i, name] of names.entries()) await put(name, i);
}

async function put(name: string, scene: number): Promise<void> {
  await writeFile(join(photos, name), await encodePng(await scenes.draw(scene)));
}

/** The exit code and all that a command said, in the folder that holds pictures and model. */
async function say(...args: string[]): Promise<{ code: number; text: string }> {
  const env = { ...process.env, COLUMNS: "10000" };
  const { code, stdout, stderr } = await runProgram(args, { cwd: folder, env });
  return { code, text: stdout + stderr };
}

/** The finished run as it was when its Reasoner had made one step. */
async function stoppedRun(name: string): Promise<string> {
  const run = join(folder, name);
  await cp(finished, run, { recursive: true });
  const ids = await readdir(join(run, "checkpoints"));
  const id = ids.find((each) => each.endsWith("-round-1-reasoner-1")) as string;
  await writeFile(join(run, "checkpoints", "latest"), id);
  await rm(join(run, "round-1"), { recursive: true });
  return run;
}

async function weights(run: string): Promise<Buffer> {
  return readFile(join(run, "round-1/reasoner/model.safetensors"));
}

async function endsAsIfNothingHappened(run: string): Promise<void> {
  expect((await weights(run)).equals(await weights(finished))).toBe(true);
}

/** Which picture each place of the run's list showed, in all episodes that count. */
function shown(run: string): Map<number, Set<string>> {
  using reader = ReplayReader.open(run);
  const found = new Map<number, Set<string>>();
  for (const { event } of reader.events()) {
    if (!("prompt" in event)) continue;
    found.set(event.image.index, (found.get(event.image.index) ?? new Set()).add(event.image.id));
  }
  return found;
}

describe("a run's images", () => {
  beforeEach(putAll);

  test("are pinned by name, size and content, and found from wherever the run is resumed", async () => {
    const pins = readPins(finished);
    expect(pins?.images?.map(({ name }) => name)).toEqual([...names].sort());
    for (const [index, ids] of shown(finished)) expect([...ids]).toEqual([pins?.images?.[index]?.content]);
    expect(Object.keys(pins?.inputs ?? {})).toEqual(
      expect.arrayContaining(["model/model.safetensors", "model/tokenizer.json", "prompts.reasoner"]),
    );
    expect(await readFile(join(finished, "config.yaml"), "utf8")).toContain(`data: ${photos}`);
  });

  test("keep their places where one is added", async () => {
    const run = await stoppedRun("added");
    await put("aaa.png", 12);
    const { code, text } = await say("resume", run);
    expect(text).toContain("1 image added since the run began, such as aaa.png: no part of it");
    expect(code).toBe(0);
    await endsAsIfNothingHappened(run);
    expect(shown(run)).toEqual(shown(finished));
  }, 120_000);

  test("that have changed are refused by name, and nothing is lost", async () => {
    const run = await stoppedRun("changed");
    await put("d.png", 13);
    const refused = await say("resume", run);
    expect(refused.code).toBe(5);
    expect(refused.text).toContain("1 image of");
    expect(refused.text).toContain("d.png has changed");
    await put("d.png", 2);
    expect(await say("resume", run)).toMatchObject({ code: 0 });
    await endsAsIfNothingHappened(run);
  }, 120_000);

  test("that have another name now are bound to it where that is allowed", async () => {
    const run = await stoppedRun("renamed");
    await rename(join(photos, "b.png"), join(photos, "z.png"));
    await put("b.png", 14);
    const refused = await say("resume", run);
    expect(refused.code).toBe(5);
    expect(refused.text).toContain("b.png has changed; what it showed is z.png now");
    await rm(join(photos, "b.png"));
    expect((await say("resume", run)).text).toContain("b.png has vanished; what it showed is z.png now");
    expect(await say("resume", run, "--allow")).toMatchObject({ code: 0 });
    await endsAsIfNothingHappened(run);
    expect(readPins(run)?.images?.map(({ name }) => name)).toContain("z.png");
  }, 120_000);

  test("that have vanished are left out where that is allowed, and no label goes to another picture", async () => {
    const run = await stoppedRun("vanished");
    await rm(join(photos, "c.png"));
    await put("new.png", 15);
    expect(await say("resume", run)).toMatchObject({ code: 5 });
    const { code, text } = await say("resume", run, "--allow");
    expect(text).toContain("c.png has vanished");
    expect(text).toContain("1 image of the run left out");
    expect(text).toContain("1 image added since the run began, such as new.png: now part of it");
    expect(code).toBe(0);
    const before = shown(finished);
    for (const [index, ids] of shown(run)) expect([...ids]).toEqual([...(before.get(index) as Set<string>)]);
    // Even where nobody asks: the run now goes on without it.
    expect(readPins(run)?.images?.map(({ name }) => name)).toEqual([...names].sort().concat("new.png"));
  }, 120_000);

  test("are compared where a run is forked, too", async () => {
    const [id] = (await readdir(join(finished, "checkpoints"))).filter((name) => /reasoner-1$/.test(name));
    const place = join(finished, "checkpoints", id as string);
    await put("d.png", 13);
    const refused = await say("train", "--fork-from", place, "--out", join(folder, "refused"));
    expect(refused.code).toBe(5);
    expect(refused.text).toContain("d.png has changed");
    await put("d.png", 2);
    await put("aaa.png", 12);
    const fork = join(folder, "fork");
    expect(await say("train", "--fork-from", place, "--out", fork)).toMatchObject({ code: 0 });
    await endsAsIfNothingHappened(fork);
    const contents = (run: string) => readPins(run)?.images?.map(({ name, content }) => [name, content]);
    expect(contents(fork)).toEqual(contents(finished));
  }, 120_000);
});

describe("a run's model and prompts", () => {
  beforeEach(putAll);

  test("that have changed are refused by name, unless that is allowed", async () => {
    const run = await stoppedRun("weights");
    const path = join(model, "model.safetensors");
    const bytes = await readFile(path);
    const at = bytes.length - 2;
    bytes[at] = (bytes[at] as number) ^ 1;
    await writeFile(path, bytes);
    const refused = await say("resume", run);
    expect(refused.code).toBe(4);
    expect(refused.text).toContain("model/model.safetensors has changed");
    expect(await say("resume", run, "--allow")).toMatchObject({ code: 0 });

    const prompted = await stoppedRun("prompts");
    await putAll();
    const settingsFile = join(model, "visplay.json");
    const told = JSON.parse(await readFile(settingsFile, "utf8"));
    await writeFile(
      settingsFile,
      JSON.stringify({ ...told, prompts: { ...told.prompts, questioner: "ask" } }),
    );
    const { code, text } = await say("resume", prompted);
    expect(code).toBe(4);
    expect(text).toContain("model/visplay.json has changed");
    expect(text).toContain("prompts.questioner has changed");
    await copyFile(fileURLToPath(new URL("../../models/tiny/visplay.json", import.meta.url)), settingsFile);
    expect(await say("resume", prompted)).toMatchObject({ code: 0 });
    await endsAsIfNothingHappened(prompted);
  }, 240_000);
});

describe("the model that a stage starts from", () => {
  const stages =
    "stages=[{kind: sft, data: rows, steps: 1, itemsPerStep: 2}, {kind: sft, data: rows, steps: 2, itemsPerStep: 2}]";
  const start = "round-1/reasoner/model.safetensors";
  /** A finished run of two stages, and its checkpoint in a stage. */
  let run: string;
  const checkpointIn = async (pattern: RegExp): Promise<string> =>
    (await readdir(join(run, "checkpoints"))).find((each) => pattern.test(each)) as string;

  beforeAll(async () => {
    await putAll();
    await writeOpposites(join(folder, "rows"), 20, 5);
    run = join(folder, "staged");
    const begun = await say("train", "--model", "model", "--out", run, ...settings, "--set", stages);
    expect(begun).toMatchObject({ code: 0 });
    await writeFile(join(run, "checkpoints", "latest"), await checkpointIn(/-round-2-sft-1$/));
  }, 240_000);

  test("is what the stage before wrote, or the run does not go on in it unless that is allowed", async () => {
    expect(Object.keys(readPins(run)?.inputs ?? {})).toEqual(
      expect.arrayContaining(["model/model.safetensors", start, "round-1/reasoner/config.json"]),
    );
    const written = await readFile(join(run, start));
    const changed = Buffer.from(written);
    changed[changed.length - 2] = (changed.at(-2) as number) ^ 1;
    await writeFile(join(run, start), changed);
    const refused = await say("resume", run);
    expect(refused.code).toBe(4);
    expect(refused.text).toContain(`${start} has changed`);
    expect(refused.text).not.toContain("model/model.safetensors has changed");
    const place = join(run, "checkpoints", await checkpointIn(/-round-2-sft-1$/));
    const forked = await say("train", "--fork-from", place, "--out", join(folder, "unforked"));
    expect(forked.text).toContain(`${start} has changed`);

    // One that goes on in the stage before writes that model anew.
    const before = join(run, "checkpoints", await checkpointIn(/-round-1-sft-1$/));
    const again = join(folder, "forked");
    expect(await say("train", "--fork-from", before, "--out", again)).toMatchObject({ code: 0 });
    expect(readPins(again)?.inputs[start]).toBe(readPins(run)?.inputs[start]);

    expect((await say("resume", run, "--allow")).text).toContain(`${start} has changed`);
    expect(readPins(run)?.inputs[start]).not.toBe(readPins(again)?.inputs[start]);
  }, 240_000);
});
