import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { formats } from "../../data/export/formats.ts";
import { runProgram } from "../built.ts";
import { open, useBrowser, useInspector } from "./looking.ts";

useBrowser();
const at = useInspector(() => [inject("recorded")]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-exported-"));
});
afterAll(() => rm(folder, { recursive: true }));

const dialogOf = (page: Page) => page.getByRole("dialog", { name: "Export what is shown" });

/** The command that the page gives, as the words after the program's name. */
async function wordsOf(page: Page): Promise<string[]> {
  const command = await dialogOf(page).locator("code").innerText();
  expect(command).toMatch(/^(npx )?visplay export-curriculum /);
  return command.slice(command.indexOf("export-curriculum")).split(" ");
}

async function toldBy(page: Page): Promise<number> {
  const text = await dialogOf(page).innerText();
  return Number(/([\d,]+) questions? with an answer/.exec(text)?.[1]?.replace(",", ""));
}

describe("the export command", () => {
  test.each([
    "round=2",
    "round=1&outcome=admitted",
    "round=2&low=0.5",
    "round=1&low=0.3&high=0.8&outcome=belowBand",
    "round=2&high=0.7&outcome=duplicate",
  ])("of %s selects as many questions as the page says", async (query) => {
    await using opened = await open(at(`#/recorded/curriculum?${query}`));
    const { page, incidents } = opened;
    await page.getByRole("button", { name: "Export" }).click();
    await dialogOf(page).waitFor();
    if ((await dialogOf(page).locator("code").count()) === 0) {
      expect(await dialogOf(page).innerText()).toContain("Nothing that is shown");
      return;
    }
    const { stdout, stderr } = await runProgram([...(await wordsOf(page)), "--dry-run"]);
    expect(`${stderr}${stdout}`).toMatch(new RegExp(`^${await toldBy(page)} selected`, "m"));
    expect(incidents).toEqual([]);
  });

  test("is copied, and writes what it says in the format that was chosen", async () => {
    await using opened = await open(at("#/recorded/curriculum?round=2&outcome=admitted"));
    const { page, incidents } = opened;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Export" }).click();
    const choices = await dialogOf(page).getByLabel("Format").locator("option").allInnerTexts();
    expect(choices).toEqual([...formats]);
    await dialogOf(page).getByLabel("Format").selectOption("jsonl");
    await dialogOf(page).getByRole("button", { name: "Copy" }).click();
    await dialogOf(page).getByText("Copied").waitFor();
    const words = await wordsOf(page);
    const copied: string = await page.evaluate("navigator.clipboard.readText()");
    expect(copied.split(" ").slice(-words.length)).toEqual(words);
    const { code, stderr } = await runProgram(words, { cwd: folder });
    expect([code, stderr]).toEqual([0, expect.anything()]);
    const lines = (await readFile(join(folder, "recorded-round-2-jsonl/train.jsonl"), "utf8")).trim();
    const rows = lines.split("\n").map((line) => JSON.parse(line));
    expect(rows.length).toBe(await toldBy(page));
    expect(rows.every(({ round, outcome }) => round === 2 && outcome === "admitted")).toBe(true);
    expect(incidents).toEqual([]);
  });
});
