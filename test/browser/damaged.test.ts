import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventBody } from "../../replay/events.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { at as atSecond, finished, phaseStarted } from "../fakes/run_events.ts";
import { curriculumEpisode, plainEpisode } from "../replay/events.ts";
import { spoil } from "../replay/spoil.ts";
import { open, rowsOf, says, textOf, useBrowser, useInspector } from "./looking.ts";

const EPISODES = 60;
const PAGE = 4096;

let folder: string;
/** A run whose list of episodes has lost a page. */
let half: string;
/** Numbers of the episodes whose questions can be read, and of those whose cannot. */
const readable: number[] = [];
const lost: number[] = [];

/** A run whose file has lost some pages in its middle: those with what was asked half-way. */
beforeAll(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "visplay-damaged-")), "damaged");
  await mkdir(folder);
  const started: EventBody = {
    type: "runStarted",
    release: "1",
    config: { rounds: 1 },
    images: 3,
    models: {},
  };
  {
    using writer = ReplayWriter.create(folder);
    writer.append([atSecond(1, started), atSecond(2, phaseStarted(1, "curriculum"))]);
    for (let i = 0; i < EPISODES; i++) {
      const asked = curriculumEpisode({ round: 1, labels: [`thing ${i}`, null] });
      const questions = asked.questions.map((question) => ({
        ...question,
        completion: { ...question.completion, text: `said in ${i}: ${"word ".repeat(200)}` },
      }));
      writer.append([{ ...asked, step: i, questions }]);
    }
    writer.append([atSecond(200, finished)]);
  }
  const path = join(folder, "replay.db");
  const bytes = await readFile(path);
  for (let from = 0; from < bytes.length; from += PAGE) {
    const page = bytes.subarray(from, from + PAGE);
    if (page.includes("said in 30:") || page.includes("said in 31:")) page.fill(0x5a);
  }
  await writeFile(path, bytes);
  half = join(folder, "..", "half");
  await mkdir(half);
  {
    using writer = ReplayWriter.create(half);
    writer.append([atSecond(1, started)]);
    writer.append(Array.from({ length: 300 }, (_, step) => plainEpisode({ step })));
  }
  spoil(join(half, "replay.db"), "episodes", "middle");
  using reader = ReplayReader.open(folder);
  const ids = [...reader.order()];
  for (const [i, head] of reader.heads(ids).entries()) (head ? readable : lost).push(ids[i] as number);
});
afterAll(() => rm(join(folder, ".."), { recursive: true }));

useBrowser();
const at = useInspector(() => [folder, half]);

describe("a replay that is damaged half-way", () => {
  test("has lost some of its episodes, and most are there", () => {
    expect(lost.length).toBeGreaterThan(1);
    expect(lost.length).toBeLessThan(EPISODES / 3);
    expect(readable.length + lost.length).toBe(EPISODES);
  });

  test("lists all, and says in the row of each that is damaged that it is", async () => {
    await using opened = await open(at("#/damaged/episodes?sort=time"));
    const { page, incidents } = opened;
    await says(page, `${EPISODES} episodes`);
    const list = page.getByRole("region", { name: "Episodes" });
    const found = new Map<number, boolean>();
    for (let top = 0; top <= EPISODES * 56; top += 400) {
      await list.evaluate((element: { scrollTop: number }, to: number) => {
        element.scrollTop = to;
      }, top);
      await expect.poll(() => textOf(page)).not.toMatch(/\n…\n/);
      const rows = page.locator('[role="rowgroup"] [role="row"]');
      const seen = await rows.evaluateAll((all) =>
        all.map((row) => [Number(row.getAttribute("aria-rowindex")) - 2, row.innerText] as const),
      );
      for (const [i, text] of seen) found.set(i, text.includes("this episode is damaged"));
    }
    const damaged = [...found].flatMap(([i, isDamaged]) => (isDamaged ? [i] : []));
    expect(found.size).toBe(EPISODES);
    const order = [...readable, ...lost].sort((a, b) => a - b);
    expect(damaged.map((i) => order[i]).sort()).toEqual([...lost].sort());
    expect(incidents.filter((each) => !each.includes("Failed to load resource"))).toEqual([]);
  });

  test("shows an episode that is whole, and names one that is not", async () => {
    await using good = await open(at(`#/damaged/episodes/${readable[0]}`));
    await says(good.page, `is it thing ${EPISODES - 1} ?`);
    await using bad = await open(at(`#/damaged/episodes/${lost[0]}`));
    await says(bad.page, `event ${lost[0]} is damaged`);
  });

  test("still tells how the run went", async () => {
    await using opened = await open(at("#/damaged/run"));
    await says(opened.page, `episodes\n${EPISODES}`);
    await using rows = await open(at("#/damaged/episodes"));
    expect((await rowsOf(rows.page)).length).toBeGreaterThan(3);
  });
});

test("a table that has lost a page is shown without it, and what it held is named", async () => {
  using reader = ReplayReader.open(half);
  const lost = reader.lostEpisodes();
  expect(lost.length).toBeGreaterThan(10);
  const named = `${lost.length} episodes (${lost[0]}–${lost.at(-1)})`;
  await using rows = await open(at("#/half/episodes"));
  await says(rows.page, `${300 - lost.length} episodes`);
  await says(rows.page, named);
  expect((await rowsOf(rows.page)).length).toBeGreaterThan(3);
  await using run = await open(at("#/half/run"));
  await says(run.page, named);
  await says(run.page, `episodes\n${300 - lost.length}`);
});
