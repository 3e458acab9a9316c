import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ReplayWriter } from "../../replay/writer.ts";
import { at as atSecond, phaseStarted } from "../fakes/run_events.ts";
import { curriculumEpisode } from "../replay/events.ts";
import { open, rowsOf, says, textOf, useBrowser, useInspector } from "./looking.ts";

const EPISODES = 200;

let folder: string;

/** A curriculum of two rounds, each with more questions than come at once. */
beforeAll(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "visplay-curriculum-")), "large");
  await mkdir(folder);
  using writer = ReplayWriter.create(folder);
  for (const round of [1, 2]) {
    const asked = Array.from({ length: EPISODES }, (_, i) =>
      curriculumEpisode({ round, labels: [`thing ${i} of ${round}`, null] }),
    );
    writer.append([atSecond(1, phaseStarted(round, "curriculum")), ...asked]);
  }
});
afterAll(() => rm(join(folder, ".."), { recursive: true }));

useBrowser();
const at = useInspector(() => [folder]);

/** A row without the sign that stands where its picture is not there, once that is known. */
const withoutPicture = (row: string): string => row.replace(/^–\n/, "");

test("the first questions of a large curriculum are there before all others, and stay where they are", async () => {
  await using opened = await open(at());
  const { page, incidents } = opened;
  const bytes = { glance: 0, look: 0 };
  let letThrough = () => {};
  const held = new Promise<void>((resolve) => {
    letThrough = resolve;
  });
  await page.route(/\/curriculum\/2\/look$/, async (route) => {
    await held;
    await route.continue();
  });
  page.on("response", async (response) => {
    const [, kind] = /\/curriculum\/2\/(glance|look)$/.exec(response.url()) ?? [];
    if (kind === "glance" || kind === "look") bytes[kind] = (await response.body()).length;
  });
  await page.goto(at("#/large/curriculum?round=2"));
  const first = await rowsOf(page);
  expect(first[0]).toContain("is it thing 0 of 2 ?");
  expect(await textOf(page)).not.toContain("questions within");
  letThrough();
  await says(page, `${2 * EPISODES} questions within, ${EPISODES} of them admitted`);
  expect((await rowsOf(page)).slice(0, first.length).map(withoutPicture)).toEqual(first.map(withoutPicture));
  expect(bytes.glance).toBeLessThan(bytes.look / 5);

  await page.getByLabel("Round", { exact: true }).selectOption("1");
  await expect.poll(async () => (await rowsOf(page))[0]).toContain("is it thing 0 of 1 ?");
  await says(page, `${2 * EPISODES} questions within, ${EPISODES} of them admitted`);
  expect(incidents).toEqual([]);
});
