import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EventBody, RunEvent } from "../../replay/events.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { at as atSecond } from "../fakes/run_events.ts";
import { plainEpisode } from "../replay/events.ts";
import { open, says, textOf, useBrowser, useInspector } from "./looking.ts";

let folder: string;

/** A round in which the Reasoner was asked these questions; most of its answers agreed with the label, or did not. */
function run(images: number, agreed: Readonly<Record<string, boolean>>): RunEvent[] {
  const started: EventBody = { type: "runStarted", release: "1", config: { rounds: 2 }, images, models: {} };
  const finished: EventBody = {
    type: "phaseFinished",
    round: 1,
    phase: "reasoner",
    durationMs: 9,
    figures: null,
  };
  const episodes = Object.entries(agreed).map(([question, agrees]) => {
    const plain = plainEpisode({ question });
    const rollouts = plain.rollouts.map((rollout) => ({
      ...rollout,
      parts: { agreement: agrees ? 1 : 0 },
      reward: agrees ? 1 : 0,
      text: agrees ? "<answer> red </answer>" : "<answer> blue </answer>",
      vote: agrees ? "red" : "blue",
    }));
    return { ...plain, rollouts };
  });
  return [atSecond(1, started), ...episodes, atSecond(90, finished)];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-runs-"));
  const runs = {
    first: run(7, { "what colour ?": true, "how many ?": true, "only here ?": true }),
    second: run(9, { "what colour ?": true, "how many ?": false, "only there ?": true }),
  };
  for (const [name, events] of Object.entries(runs)) {
    await mkdir(join(folder, name));
    using writer = ReplayWriter.create(join(folder, name));
    writer.append(events);
  }
  await mkdir(join(folder, "broken"));
  await writeFile(join(folder, "broken/replay.db"), "this is no database".repeat(1000));
});
afterAll(() => rm(folder, { recursive: true }));

useBrowser();
const at = useInspector(() => [folder]);

test("a folder of runs is a list: how each is, and what is wrong with one that cannot be read", async () => {
  await using opened = await open(at());
  const { page, incidents } = opened;
  await page.getByRole("link", { name: "second" }).waitFor();
  const rows = await page.locator("main table tbody tr").allInnerTexts();
  const cells = rows.map((row) => row.split("\t").map((cell) => cell.trim()));
  expect(cells.map(([name]) => name)).toEqual(["broken", "first", "second"]);
  expect(cells[0]?.join(" ")).toContain("found no SQLite database");
  const columns = await page.locator("main table thead th").allInnerTexts();
  for (const [column, values] of Object.entries({
    rounds: ["1 / 2", "1 / 2"],
    episodes: ["3", "3"],
    images: ["7", "9"],
    took: ["1 min 29 s", "1 min 29 s"],
  }))
    expect(cells.slice(1).map((row) => row[columns.indexOf(column)])).toEqual(values);
  await page.getByRole("link", { name: "second" }).click();
  await says(page, "1 of 2 rounds");
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
  expect(incidents).toEqual([]);
});

test("two runs are compared question by question, those with another outcome first", async () => {
  await using opened = await open(at("#/first/compare?right=second"));
  const { page, incidents } = opened;
  await page.getByLabel("Steps, left").fill("");
  await page.getByLabel("Steps, left").press("Tab");
  await page.getByLabel("Steps, right").fill("");
  await page.getByLabel("Steps, right").press("Tab");
  await says(page, "2 questions on both sides, 1 of them with another outcome");
  const pairs = await page.locator("details.rollout > summary").allInnerTexts();
  expect(pairs.map((pair) => pair.split("\n").find((line) => line.endsWith("?")))).toEqual([
    "how many ?",
    "what colour ?",
  ]);
  expect(pairs[0]).toContain("100% → 0%");
  expect(pairs[0]).toContain("no longer");
  expect(pairs[1]).toContain("same");
  await page.locator("details.rollout > summary").first().click();
  await says(page, "first, round 1");
  expect([await page.locator("del").innerText(), await page.locator("ins").innerText()]).toEqual([
    "red",
    "blue",
  ]);
  const text = await textOf(page);
  expect(text).not.toContain("only here ?");
  expect(text).not.toContain("only there ?");
  expect(incidents).toEqual([]);
});
