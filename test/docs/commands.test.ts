import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blocksOf, pages } from "./pages.ts";

/** A user's folder: `npx visplay` finds this checkout's command, `~/photos` holds pictures. */
let folder: string;
const pictures = ["444.jpg", "420.jpg", "alpha.png", "alpha.webp", "exif_orientation_6.jpg"];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "visplay-docs-"));
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(resolve("bin/visplay.js"), join(folder, "node_modules/.bin/visplay"));
  symlinkSync(resolve("docs"), join(folder, "docs"));
  for (const name of pictures) {
    cpSync(join("test/cases/pictures/files", name), join(folder, "photos", name));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const interpreters = { sh: ["bash", "-euo", "pipefail", "-c"], python: ["python3", "-c"] } as const;
const hasPandas = spawnSync("python3", ["-c", "import pandas"]).status === 0;

describe.each(pages)("%s", (page) => {
  const blocks = blocksOf(page).filter(
    ({ notRun, language }) => notRun === undefined && language in interpreters,
  );
  test.each(blocks)("line $line", { skip: blocks.length === 0 }, ({ language, code }) => {
    if (language === "python" && !hasPandas) return console.info("not run: no pandas for python3");
    const [program, ...args] = interpreters[language as keyof typeof interpreters];
    const env = { ...process.env, HOME: folder };
    const { status, stdout, stderr } = spawnSync(program, [...args, code], {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    expect(status, `${code}\n${stdout}${stderr}`).toBe(0);
  });
});
