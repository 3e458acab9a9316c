import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { brief, decimal, plural } from "../../inspector/format.ts";
import type { ReasonerEpisode } from "../../replay/events.ts";
import type { EpisodeHead } from "../../replay/query.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { program } from "../built.ts";
import { open, rowsOf, says, textOf, useBrowser, useInspector } from "./looking.ts";

useBrowser();
const at = useInspector(() => [inject("acted")]);
let reader: ReplayReader;
let whole: EpisodeHead;
let broken: EpisodeHead;
beforeAll(() => {
  reader = ReplayReader.open(inject("acted"));
  const first = (figure: string, range: object) =>
    reader.episodes({ ranges: { [figure]: range } }).episodes[0] as EpisodeHead;
  whole = first("trajectory:faults", { max: 0 });
  broken = first("fault:threw", { min: 1 });
});
afterAll(() => reader?.[Symbol.dispose]());

const eventOf = ({ id }: EpisodeHead) => reader.episode(id)?.event as ReasonerEpisode;
const widths = (page: Page, selector: string) =>
  page
    .locator(selector)
    .evaluateAll((all: { naturalWidth: number }[]) => all.map(({ naturalWidth }) => naturalWidth));

describe("a group of trajectories", () => {
  test("shows every picture of the prompt, and each turn with what was read after it", async () => {
    await using opened = await open(at(`#/acted/episodes/${whole.id}`));
    const { page, incidents } = opened;
    const body = page.locator("details.rollout[open] .body");
    await body.waitFor();
    await expect.poll(() => widths(page, "aside .viewer img")).toEqual([64, 64]);
    await says(page, "picture 2 of 2");
    await says(page, "rewarded by the environment");
    expect(await textOf(page)).not.toContain("of the votes");
    await expect.poll(() => widths(page, ".body .read img")).toEqual([64, 64]);
    const { trajectory, reward } = eventOf(whole).rollouts[0] ?? {};
    const said = await body.innerText();
    for (const [i, { parts }] of (trajectory?.turns ?? []).entries())
      expect(said).toContain(
        [`turn ${i + 1}`, ...Object.entries(parts).map(([name, value]) => `${name} ${brief(value)}`)].join(
          " · ",
        ),
      );
    expect(said.indexOf("and now ?")).toBeGreaterThan(said.indexOf("turn 1 ·"));
    expect(said.indexOf("and now ?")).toBeLessThan(said.indexOf("turn 2 ·"));
    expect(said).toContain(decimal(reward, 3));
    expect(said).not.toContain("not what was recorded");
    const { failure } = trajectory ?? {};
    expect(said.includes("here it began to fail")).toBe(failure !== null);
    expect(said.includes("failed from turn 2 on: a wrong answer")).toBe(failure !== null);
    expect(incidents).toEqual([]);
  });

  test("adds up what the turns earned", async () => {
    await using opened = await open(at(`#/acted/episodes/${whole.id}`));
    const table = opened.page.getByRole("table", { name: "What the turns earned" });
    await table.waitFor();
    const parts: Readonly<Record<string, number>> = eventOf(whole).rollouts[0]?.parts ?? {};
    const names = (await table.locator("thead th").allInnerTexts()).slice(1);
    const sums = (await table.locator("tfoot td").allInnerTexts()).map((text) => text.trim());
    expect(Object.fromEntries(names.map((name, i) => [name, sums[i]]))).toEqual(
      Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, brief(value)])),
    );
  });

  test("colours the tokens of each turn, the policy's own and no others", async () => {
    await using opened = await open(at(`#/acted/episodes/${whole.id}`));
    const { page } = opened;
    await page.locator(".body .tokens span").first().waitFor();
    const { tokens, trajectory } = eventOf(whole).rollouts[0] ?? { tokens: [] };
    const after = trajectory?.observations[0]?.after ?? 0;
    const counts = await page
      .locator(".body .tokens")
      .evaluateAll((all: { childElementCount: number }[]) =>
        all.map(({ childElementCount }) => childElementCount),
      );
    expect(counts).toEqual([after, tokens.length - after]);
    const titles = await page
      .locator(".body .tokens span")
      .evaluateAll((all: { title: string }[]) => all.map(({ title }) => title.split("\n")[0]));
    expect(titles).toEqual(tokens.map((token) => `token ${token}`));
  });

  test("opens a picture that was observed, to zoom into it by keys", async () => {
    await using opened = await open(at(`#/acted/episodes/${whole.id}`));
    const { page, incidents } = opened;
    const summary = page.locator(".body .picture > summary").first();
    await summary.focus();
    await page.keyboard.press("Enter");
    const viewer = page.locator(".body .picture .viewer");
    await viewer.focus();
    await page.keyboard.press("+");
    await expect.poll(() => viewer.locator("img").getAttribute("style")).toContain("scale(1.25)");
    await summary.focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => viewer.count()).toBe(0);
    expect(incidents).toEqual([]);
  });

  test("makes a fault stand out, in the group and in the list", async () => {
    await using opened = await open(at(`#/acted/episodes/${broken.id}`));
    const { page } = opened;
    await says(page, "fault, threw: no third picture");
    const bad = await page.locator("details.rollout > summary .bad").allInnerTexts();
    expect(bad).toHaveLength(broken.measures["fault:threw"] ?? 0);
    await says(page, "Nobody could judge it");
    await says(page, "This group taught nothing");
    await page.goto(at("#/acted/episodes?trajectory%3Afaults=1.."));
    const faulty = reader.count({ ranges: { "trajectory:faults": { min: 1 } } });
    expect(faulty).toBeGreaterThan(0);
    expect(faulty).toBeLessThan(reader.count());
    await says(page, plural(faulty, "episode"));
    const rows = await rowsOf(page);
    expect(rows).toHaveLength(faulty);
    for (const row of rows) expect(row).toMatch(/\d rollouts · 2 turns · \d faults?/);
  });
});

test("the run has turns, what was unfinished, and faults by step", async () => {
  await using opened = await open(at("#/acted"));
  const { page, incidents } = opened;
  await says(page, "finished, 1 of 1 round");
  const plots = await page.locator(".plot h3").allInnerTexts();
  const steps = [...reader.events()].flatMap(({ event }) =>
    event.type === "reasonerStep" ? (event.trajectories ?? []) : [],
  );
  expect(steps).toHaveLength(3);
  const { meanTurns, faults } = steps.at(-1) as (typeof steps)[number];
  const shown = plots.map((plot) => plot.split("\n"));
  expect(shown).toContainEqual(["turns", brief(meanTurns)]);
  expect(shown).toContainEqual(["faults", brief(faults.threw ?? 0)]);
  expect(shown).toContainEqual(["unfinished", "0"]);
  expect(incidents).toEqual([]);
});

describe("a file to send", () => {
  let path: string;
  beforeAll(async () => {
    path = join(dirname(inject("acted")), "acted.html");
    await promisify(execFile)(process.execPath, [program, "inspect", inject("acted"), "--html", path]);
  });
  afterAll(() => rm(path, { force: true }));

  test("holds the pictures of prompts and observations", async () => {
    await using opened = await open(`${pathToFileURL(path)}#/acted/episodes/${whole.id}`);
    const { page, incidents } = opened;
    await page.locator("details.rollout[open] .body").waitFor();
    await expect.poll(() => widths(page, "aside .viewer img")).toEqual([64, 64]);
    await expect.poll(() => widths(page, ".body .read img")).toEqual([64, 64]);
    expect(incidents).toEqual([]);
  });
});
