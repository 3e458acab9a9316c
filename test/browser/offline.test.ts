import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { EpisodeHead } from "../../replay/query.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { program } from "../built.ts";
import { open, rowsOf, says, useBrowser } from "./looking.ts";

const inspect = (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, [program, "inspect", ...args]);

let path: string;
let said: string;
let heads: EpisodeHead[];
beforeAll(async () => {
  path = join(dirname(inject("recorded")), "sent.html");
  ({ stdout: said } = await inspect(inject("recorded"), "--html", path));
  using reader = ReplayReader.open(inject("recorded"));
  heads = reader.heads([...reader.order()]).map((head) => head as EpisodeHead);
});
afterAll(() => rm(path, { force: true }));

useBrowser();
const at = (hash = "") => `${pathToFileURL(path)}${hash}`;

describe("the file", () => {
  test("says how large it is, and holds every episode that was selected", () => {
    expect(said).toContain(`${heads.length} episodes`);
  });

  test.each([
    ["", "finished, 2 of 2 rounds"],
    ["#/recorded/questions", "Like questions"],
    ["#/recorded/episodes", "episodes"],
    ["#/recorded/curriculum", "questions within"],
  ])("opens at %j without a server", async (hash, text) => {
    await using opened = await open(at(hash));
    await says(opened.page, text);
    expect(opened.incidents).toEqual([]);
  });

  test("filters, sorts and walks as the server does", async () => {
    await using opened = await open(at("#/recorded/episodes"));
    const { page, incidents } = opened;
    await says(page, `${heads.length} episodes`);
    await page.getByLabel("Phase").selectOption("reasoner");
    const wanted = heads.filter(({ phase }) => phase === "reasoner");
    await says(page, `${wanted.length} episodes`);
    await page.getByRole("columnheader", { name: "reward" }).getByRole("button").click();
    const [best] = wanted.sort((a, b) => (b.reward as number) - (a.reward as number) || b.id - a.id);
    await expect.poll(async () => (await rowsOf(page))[0]).toContain(best?.question);
    for (const key of ["j", "Enter"]) await page.keyboard.press(key);
    await says(page, best?.question ?? "");
    const picture = page.locator(".viewer img");
    await expect
      .poll(() => picture.evaluate((image: { naturalWidth: number }) => image.naturalWidth))
      .toBe(64);
    expect(incidents).toEqual([]);
  });
});

test("it holds no more than it may, and says what had no room", async () => {
  const small = join(dirname(path), "small.html");
  const { stdout } = await inspect(
    inject("recorded"),
    "--html",
    small,
    "--limit",
    "0.4",
    "--phase",
    "reasoner",
  );
  expect(stdout).toMatch(/more had no room/);
  expect((await readFile(small)).length).toBeLessThanOrEqual(0.4 * 2 ** 20);
  await rm(small);
});
