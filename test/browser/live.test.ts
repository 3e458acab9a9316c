import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Database } from "../../replay/sqlite.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { at as atSecond, phaseStarted } from "../fakes/run_events.ts";
import { plainEpisode } from "../replay/events.ts";
import { open, rowsOf, says, useBrowser, useInspector } from "./looking.ts";

let folder: string;
let writer: ReplayWriter;
let asked = 0;
const append = (count: number) =>
  writer.append(Array.from({ length: count }, () => plainEpisode({ question: `question ${++asked} ?` })));

beforeAll(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "visplay-live-")), "live");
  await mkdir(folder);
  writer = ReplayWriter.create(folder);
  writer.append([atSecond(1, phaseStarted(1, "reasoner"))]);
  append(90);
});
afterAll(async () => {
  writer[Symbol.dispose]();
  await rm(join(folder, ".."), { recursive: true, force: true });
});

useBrowser();
const at = useInspector(() => [folder]);

test("new episodes announce themselves, and nothing moves until somebody wants to see them", async () => {
  await using opened = await open(at("#/live/episodes"));
  const { page, incidents } = opened;
  await says(page, "90 episodes");
  const list = page.getByRole("region", { name: "Episodes" });
  await list.evaluate((element: { scrollTop: number }) => {
    element.scrollTop = 1000;
  });
  await expect.poll(async () => (await rowsOf(page))[0]).not.toContain("question 90 ?");
  const row = page.locator('[role="rowgroup"] [role="row"]', { hasText: "question 65 ?" });
  const before = await row.boundingBox();
  append(3);
  await says(page, "3 new episodes");
  expect(await row.boundingBox()).toEqual(before);
  expect(await list.evaluate((element: { scrollTop: number }) => element.scrollTop)).toBe(1000);
  append(1);
  await says(page, "4 new episodes");
  await page.getByRole("button", { name: "Show" }).click();
  await says(page, "94 episodes");
  await list.evaluate((element: { scrollTop: number }) => {
    element.scrollTop = 0;
  });
  await expect.poll(async () => (await rowsOf(page))[0]).toContain("question 94 ?");
  expect(incidents).toEqual([]);
});

test("only what the filters would show is announced", async () => {
  await using opened = await open(at("#/live/episodes?phase=questioner"));
  await says(opened.page, "0 episodes");
  append(2);
  await opened.page.waitForTimeout(2500);
  expect(await opened.page.getByRole("button", { name: "Show" }).count()).toBe(0);
});

test("the counts of the run follow it", async () => {
  await using opened = await open(at("#/live"));
  await says(opened.page, `episodes\n${asked}`);
  append(45);
  await says(opened.page, `episodes\n${asked}`);
});

test("an episode that is damaged is said to be, and the others are shown", async () => {
  using database = Database.forWriting(join(folder, "replay.db"));
  database.exec("UPDATE rollouts SET tokens = x'ff' WHERE id / 65536 = 5");
  await using opened = await open(at("#/live/episodes/5"));
  await says(opened.page, "event 5 is damaged");
  await using list = await open(at("#/live/episodes"));
  await says(list.page, `${asked} episodes`);
});

test("a folder that is removed while it is shown is said to be gone", async () => {
  await using opened = await open(at("#/live/episodes"));
  const { page } = opened;
  await says(page, `${asked} episodes`);
  await rm(folder, { recursive: true });
  await page.getByLabel("Ended").selectOption("stop");
  await says(page, "there is no such folder");
});
