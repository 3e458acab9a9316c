import axe from "axe-core";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { ReplayReader } from "../../replay/reader.ts";
import { narrow, open, useBrowser, useInspector, wide } from "./looking.ts";

useBrowser();
const at = useInspector(() => [inject("recorded"), inject("acted")]);

const firsts: Record<string, number> = {};
beforeAll(() => {
  using reader = ReplayReader.open(inject("recorded"));
  for (const phase of ["questioner", "curriculum", "reasoner"])
    firsts[phase] = reader.episodes({ phases: [phase], limit: 1 }).episodes[0]?.id ?? 0;
  using acted = ReplayReader.open(inject("acted"));
  firsts.environment = acted.episodes({ limit: 1 }).episodes[0]?.id ?? 0;
});

/** Every screen, and what there is on it once it is there. */
const screens: readonly (readonly [name: string, hash: () => string, ready: string])[] = [
  ["the run", () => "#/recorded", "canvas"],
  ["a run in an environment", () => "#/acted", "canvas"],
  ["a group of trajectories", () => `#/acted/episodes/${firsts.environment}`, "details.rollout .tokens"],
  ["the runs", () => "#/", "main"],
  ["questions", () => "#/recorded/questions", "table a"],
  ["episodes", () => "#/recorded/episodes", '[role="row"] a'],
  ["a group of questions", () => `#/recorded/episodes/${firsts.questioner}`, "details.rollout .tokens"],
  ["a group of the curriculum", () => `#/recorded/episodes/${firsts.curriculum}`, "details.rollout .tokens"],
  ["a group of answers", () => `#/recorded/episodes/${firsts.reasoner}`, "details.rollout .tokens"],
  ["the curriculum", () => "#/recorded/curriculum", '[role="row"] a'],
  ["comparing", () => "#/recorded/compare", "details.rollout"],
];

interface AxeRun {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

test.each(screens)("%s has nothing that axe finds serious, in light and in dark", async (_, hash, ready) => {
  await using opened = await open(at(hash()), { ...wide, colorScheme: "light", bypassCSP: true });
  const { page } = opened;
  await page.locator(ready).first().waitFor();
  await page.waitForLoadState("networkidle");
  await page.evaluate(axe.source);
  const grounds = new Set<string>();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    grounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
    const { violations } = (await page.evaluate("axe.run()")) as AxeRun;
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect(serious.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 200))])).toEqual([]);
  }
  expect(grounds.size).toBe(2);
});

describe.each([
  ["1280", wide],
  ["390", narrow],
] as const)("%s pixels wide", (_, options) => {
  test.each(screens)("%s does not flow over", async (_name, hash, ready) => {
    await using opened = await open(at(hash()), options);
    const { page, incidents } = opened;
    await page.locator(ready).first().waitFor();
    await page.waitForLoadState("networkidle");
    const [content, window] = (await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")) as [
      number,
      number,
    ];
    expect(content).toBeLessThanOrEqual(window);
    const main = (await page.evaluate(
      "[document.querySelector('main').scrollWidth, document.querySelector('main').clientWidth]",
    )) as [number, number];
    expect(main[0]).toBeLessThanOrEqual(main[1]);
    expect(incidents).toEqual([]);
  });
});

test("the theme that was chosen is there again", async () => {
  await using opened = await open(at(), { ...wide, colorScheme: "light" });
  const { page } = opened;
  const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
  const light = await ground();
  await page.getByRole("button", { name: /^Theme/ }).click();
  await page.getByRole("button", { name: /^Theme: light/ }).click();
  const dark = await ground();
  expect(dark).not.toBe(light);
  await page.reload();
  await page.getByRole("button", { name: /^Theme: dark/ }).waitFor();
  expect(await ground()).toBe(dark);
});
