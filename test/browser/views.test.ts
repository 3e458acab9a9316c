import type { Page } from "playwright-core";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { ReplayReader } from "../../replay/reader.ts";
import { open, rowsOf, says, textOf, useBrowser, useInspector } from "./looking.ts";

useBrowser();
const at = useInspector(() => [inject("recorded")]);
let ids: number[];
beforeAll(() => {
  using reader = ReplayReader.open(inject("recorded"));
  ids = [...reader.order()];
});

const hashOf = (page: Page) => new URL(page.url()).hash;
const selected = (page: Page) => page.locator('[role="row"][aria-selected="true"]');

/** What there is to see of a view: its text, what is selected, what is open, and what fields hold. */
async function seen(page: Page): Promise<unknown> {
  const open = page.locator("details.rollout");
  return {
    text: await textOf(page),
    selected: await selected(page).allInnerTexts(),
    open: await open.evaluateAll((all) => all.map((each) => each.hasAttribute("open"))),
    fields: await page.locator("main input, main select").evaluateAll((all) => all.map(({ value }) => value)),
    current: await page.locator('[aria-current="page"]').innerText(),
  };
}

/** In the page: a phase is chosen while what was typed waits, however slow the machine is. */
const typedAndChosen = `
  const given = (control, value, event) => {
    control.value = value;
    control.dispatchEvent(new Event(event, { bubbles: true }));
  };
  given(document.querySelector('input[type="search"]'), "square", "input");
  given(document.querySelector('select[aria-label="phase"]'), "reasoner", "change");`;

describe("a link", () => {
  test.each<[string, (page: Page) => Promise<void>]>([
    [
      "#/recorded/episodes",
      async (page) => {
        await page.getByLabel("Phase").selectOption("reasoner");
        await page.getByText("Columns").click();
        await page.getByLabel("truncated").check();
        await page.getByText("Columns").click();
        await page.getByRole("columnheader", { name: "confidence" }).getByRole("button").click();
        await page.getByLabel("Search questions and answers").fill("square");
        await expect.poll(() => hashOf(page)).toContain("text=square");
        await page.locator('[role="rowgroup"][aria-busy="false"]').waitFor();
        for (const key of ["Escape", "j", "j", "j"]) await page.keyboard.press(key);
        await selected(page).waitFor();
      },
    ],
    [
      "#/recorded/episodes?phase=questioner",
      async (page) => {
        await rowsOf(page);
        for (const key of ["j", "j", "Enter"]) await page.keyboard.press(key);
        await says(page, "questions about one picture");
        for (const key of ["]", "]"]) await page.keyboard.press(key);
        await says(page, "Answers to the picture");
        await says(page, "16 tokens");
      },
    ],
    [
      "#/recorded/curriculum",
      async (page) => {
        await page.getByLabel("Round").selectOption("1");
        await page.getByLabel("What became of it").selectOption("admitted");
        await page.getByLabel("Confidence at least").press("ArrowRight");
        await rowsOf(page);
        await page.locator("h1, .name").first().click();
        await page.getByLabel("Confidence at least").blur();
        await page.keyboard.press("j");
        await says(page, "Entered in round 1");
      },
    ],
    [
      "#/recorded/compare",
      async (page) => {
        await page.getByLabel("Steps, left").fill("..2");
        await page.getByLabel("Steps, left").press("Tab");
        await page.locator("details.rollout > summary").first().click();
        await says(page, ", version");
      },
    ],
    [
      "#/recorded/questions",
      async (page) => {
        await page.locator("table a").nth(1).click();
        await says(page, "and its like");
      },
    ],
  ])("%s reproduces the view", async (hash, act) => {
    await using sender = await open(at(hash));
    await act(sender.page);
    await using receiver = await open(sender.page.url());
    await expect.poll(() => seen(receiver.page), { timeout: 10_000 }).toEqual(await seen(sender.page));
    expect([...sender.incidents, ...receiver.incidents]).toEqual([]);
  });

  test("holds what was typed and what was chosen while it waited", async () => {
    await using opened = await open(at("#/recorded/episodes"));
    const { page } = opened;
    await page.getByLabel("Phase").waitFor();
    await page.evaluate(typedAndChosen);
    await expect.poll(() => hashOf(page)).toMatch(/phase=reasoner.*text=square/);
    await page.getByLabel("Search questions and answers").fill("circle");
    await page.keyboard.press("g");
    await page.getByRole("link", { name: "Questions", exact: true }).click();
    await page.waitForTimeout(400);
    expect(hashOf(page)).toBe("#/recorded/questions");
  });

  test("stays, whatever was typed before it and is due while the page has not heard of it", async () => {
    await using opened = await open(at("#/recorded/episodes"));
    const { page } = opened;
    await page.getByLabel("Search questions and answers").fill("circle");
    await page.evaluate('history.pushState(null, "", "#/recorded/questions")');
    await page.waitForTimeout(400);
    expect(hashOf(page)).toBe("#/recorded/questions");
  });

  test("is kept step by step: back shows what was there before", async () => {
    await using opened = await open(at("#/recorded/episodes"));
    const { page } = opened;
    await says(page, `${ids.length} episodes`);
    await page.getByLabel("Phase").selectOption("reasoner");
    await expect.poll(() => hashOf(page)).toContain("phase=reasoner");
    await page.goBack();
    await says(page, `${ids.length} episodes`);
    expect(await page.getByLabel("Phase").inputValue()).toBe("");
  });
});

describe("keys", () => {
  test("walk through a list, into an episode, to its neighbours, and back to the row", async () => {
    await using opened = await open(at("#/recorded/episodes"));
    const { page, incidents } = opened;
    await says(page, `${ids.length} episodes`);
    const press = (keys: string) =>
      keys.split(" ").reduce((past, key) => past.then(() => page.keyboard.press(key)), Promise.resolve());
    await press("j j j k");
    await expect.poll(() => hashOf(page)).toContain(`at=${ids[1]}`);
    await press("Enter");
    await expect.poll(() => hashOf(page)).toContain(`episodes/${ids[1]}`);
    await says(page, `2 of ${ids.length}`);
    await press("n n p");
    await expect.poll(() => hashOf(page)).toContain(`episodes/${ids[2]}`);
    await says(page, `3 of ${ids.length}`);
    await page.locator("details.rollout[open]").waitFor();
    await press("] ] [");
    await expect.poll(() => hashOf(page)).toContain("rollout=1");
    await expect.poll(() => page.locator("details.rollout").nth(1).getAttribute("open")).not.toBeNull();
    await press("Escape");
    await expect.poll(() => hashOf(page)).toContain(`at=${ids[2]}`);
    await selected(page).waitFor();
    expect(await selected(page).getAttribute("aria-rowindex")).toBe("4");
    expect(incidents).toEqual([]);
  });

  test("keep the selected row in view", async () => {
    await using opened = await open(at("#/recorded/episodes"));
    const { page } = opened;
    await says(page, `${ids.length} episodes`);
    for (let i = 0; i < 40; i++) await page.keyboard.press("j");
    await expect.poll(() => hashOf(page)).toContain(`at=${ids[39]}`);
    const list = await page.getByRole("region", { name: "Episodes" }).boundingBox();
    const row = await selected(page).boundingBox();
    if (!list || !row) throw new Error("nothing is selected");
    expect(row.y).toBeGreaterThanOrEqual(list.y);
    expect(row.y + row.height).toBeLessThanOrEqual(list.y + list.height + 1);
  });

  test.each([
    ["r", "Run"],
    ["q", "Questions"],
    ["e", "Episodes"],
    ["c", "Curriculum"],
    ["m", "Compare"],
  ])("g %s goes to the screen %s", async (key, screen) => {
    await using opened = await open(at(screen === "Run" ? "#/recorded/episodes" : ""));
    const { page } = opened;
    await page.getByRole("link", { name: screen, exact: true }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await expect.poll(() => page.locator('[aria-current="page"]').innerText()).toBe(screen);
  });

  test("are told by a sheet, and are letters in a field", async () => {
    await using opened = await open(at("#/recorded/episodes"));
    const { page } = opened;
    await says(page, `${ids.length} episodes`);
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    const sheet = await page.getByRole("dialog").innerText();
    for (const key of ["j", "k", "Enter", "n", "p", "[", "]", "/", "g", "?", "Esc"])
      expect(sheet).toContain(key);
    await page.keyboard.press("Escape");
    await expect.poll(() => page.getByRole("dialog").isVisible()).toBe(false);
    expect(hashOf(page)).toBe("#/recorded/episodes");
    await page.keyboard.press("/");
    await page.keyboard.type("j?k");
    const search = page.getByLabel("Search questions and answers");
    await expect.poll(() => search.inputValue()).toBe("j?k");
    expect(hashOf(page)).not.toContain("at=");
  });
});
