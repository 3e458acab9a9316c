import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { contentOf, type FileContent } from "../../inspector/file_content.ts";
import { type OfflineOptions, writeOffline } from "../../inspector/offline.ts";
import type { Surroundings } from "../../inspector/surroundings.ts";
import type { RunEvent } from "../../replay/events.ts";
import { visplay } from "../cli/visplay.ts";
import { at } from "../fakes/run_events.ts";
import { plainEpisode } from "../replay/events.ts";
import { writeReplay } from "./replays.ts";

/** Of a machine on which neither the model nor the images are. */
const surroundings: Surroundings = {
  condition: async () => null,
  exporting: () => ({ command: "visplay export-curriculum", formats: ["jsonl"] }),
  picture: () => Promise.reject(new Error("there are no pictures")),
  pieces: async () => null,
  template: async () => null,
  sight: async () => null,
};
const options = { query: {}, mostBytes: 2 ** 24, surroundings };

const started = at(0, { type: "runStarted", release: null, config: {}, images: 1, models: {} });
const episodes = (count: number, change: (i: number) => Parameters<typeof plainEpisode>[0] = () => ({})) => [
  started,
  ...Array.from({ length: count }, (_, i): RunEvent => plainEpisode(change(i))),
];

async function offlineFile(folder: string, changed: OfflineOptions = options) {
  let html = "";
  const file = await writeOffline(folder, changed, async (text) => {
    html += text;
  });
  return { ...file, html };
}

function contentIn(html: string): FileContent {
  const begin = '<script type="application/json" id="content">';
  const json = html.slice(html.indexOf(begin) + begin.length);
  return contentOf(JSON.parse(json.slice(0, json.indexOf("</script>"))));
}

test("the file holds the episodes that a query selects, in its order, as the replay has them", async () => {
  await using replay = await writeReplay(episodes(9, (i) => ({ round: 1 + (i % 3) })));
  const query = { ranges: { round: { min: 2, max: 2 } } };
  const file = await offlineFile(replay.folder, { ...options, query });
  expect(file).toMatchObject({ episodes: 3, of: 3, bytes: Buffer.byteLength(file.html) });
  const content = contentIn(file.html);
  expect(content.episodes.map(({ head }) => head)).toEqual(replay.reader.episodes(query).episodes);
  for (const { head, event } of content.episodes)
    expect(event).toEqual(replay.reader.episode(head.id)?.event);
});

const hostile = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> \u2028 \u202e \0";

test("what models wrote stands in the file as text alone", async () => {
  const change = { question: hostile, label: hostile, prompt: hostile };
  await using replay = await writeReplay(episodes(1, () => change));
  await using plain = await writeReplay(episodes(1));
  const [{ html }, { html: harmless }] = await Promise.all(
    [replay, plain].map(({ folder }) => offlineFile(folder)) as [
      ReturnType<typeof offlineFile>,
      ReturnType<typeof offlineFile>,
    ],
  );
  const tags = (text: string) => text.match(/<\/?(script|img)\b|<!--/gi);
  expect(tags(html)).toEqual(tags(harmless));
  expect(contentIn(html).episodes[0]?.event).toMatchObject(change);
});

test("the limit holds, the first of the order have the room, and how many had none is known", async () => {
  await using replay = await writeReplay(episodes(200, (i) => ({ prompt: `${i} `.repeat(2000) })));
  const whole = await offlineFile(replay.folder);
  expect(whole.episodes).toBe(200);
  const mostBytes = Math.round(whole.bytes * 0.7);
  const cut = await offlineFile(replay.folder, { ...options, mostBytes });
  expect(cut.bytes).toBeLessThanOrEqual(mostBytes);
  expect(cut.bytes).toBe(Buffer.byteLength(cut.html));
  expect(cut.of).toBe(200);
  expect(cut.episodes).toBeGreaterThan(0);
  expect(cut.episodes).toBeLessThan(200);
  expect(contentIn(cut.html).episodes.map(({ head }) => head.id)).toEqual(
    [...replay.reader.order()].slice(0, cut.episodes),
  );
  await expect(offlineFile(replay.folder, { ...options, mostBytes: 1000 })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("--limit"),
  });
});

test("the command leaves one file, or none, and says what it holds", async () => {
  await using replay = await writeReplay(episodes(2));
  const folder = await mkdtemp(join(tmpdir(), "visplay-offline-"));
  const write = (path: string, ...flags: string[]) =>
    visplay("inspect", replay.folder, "--html", path, ...flags);
  const path = join(folder, "run.html");
  expect((await write(path)).stdout).toMatch(/run\.html: .*, 2 episodes\n$/);
  const html = await readFile(path, "utf8");
  expect(await write(path, "--limit", "0.001")).toMatchObject({ status: exitCodes.usage, stdout: "" });
  expect(await readFile(path, "utf8")).toBe(html);
  expect((await write(path, "--image", "other")).stdout).toMatch(/, 0 episodes; no episode matches\n$/);
  const nowhere = join(folder, "nowhere");
  expect(await write(join(nowhere, "run.html"))).toMatchObject({
    status: exitCodes.usage,
    stderr: expect.stringContaining(`found no folder ${nowhere}, expected one to write into`),
  });
  expect(existsSync(nowhere)).toBe(false);
  await writeFile(`${path}.tmp`, "what a killed one has left");
  expect((await write(path)).stdout).toMatch(/2 episodes/);
  expect(await readdir(folder)).toEqual(["run.html"]);
  await rm(folder, { recursive: true });
});

test("no part of the file is held: a file twice as large is written with the same parts", async () => {
  await using replay = await writeReplay(episodes(60, (i) => ({ prompt: `${i} `.repeat(5000) })));
  const longest = async (limit: number) => {
    const lengths: number[] = [];
    await writeOffline(replay.folder, { ...options, mostBytes: limit }, async (text) => {
      lengths.push(text.length);
    });
    return { most: Math.max(...lengths.slice(1, -1)), count: lengths.length };
  };
  const [small, large] = [await longest(400_000), await longest(800_000)];
  expect(large.count).toBeGreaterThan(small.count + 10);
  expect(large.most).toBeLessThan(60_000);
});

test("a signal ends the writing", async () => {
  await using replay = await writeReplay(episodes(9));
  const controller = new AbortController();
  const progress = (done: number) => done === 4 && controller.abort(new Error("enough"));
  const writing = offlineFile(replay.folder, { ...options, signal: controller.signal, progress });
  await expect(writing).rejects.toThrow("enough");
});
