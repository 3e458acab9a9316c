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
  for (const name of pictures) cpSync(join("test/cases/pictures/files", name), join(folder, "photos", name));
});
afterAll(() => rmSync(folder, { recursive: true }));

const interpreters: Readonly<Record<string, readonly [string, ...string[]]>> = {
  sh: ["bash", "-euo", "pipefail", "-c"],
  python: ["python3", "-c"],
};
const hasPandas = spawnSync("python3", ["-c", "import pandas"]).status === 0;
const timeout = 300_000;

const runnable = pages.flatMap((page) =>
  blocksOf(page)
    .filter(({ language, notRun }) => language in interpreters && notRun === undefined)
    .map((block) => ({ page, ...block })),
);

describe("what README and docs tell a user to type ends well", () => {
  for (const { page, line, language, code } of runnable) {
    test.skipIf(language === "python" && !hasPandas)(`${page}:${line}`, { timeout }, () => {
      const [program = "", ...args] = interpreters[language] ?? [];
      const env = { ...process.env, HOME: folder };
      const { status, stdout, stderr } = spawnSync(program, [...args, code], {
        cwd: folder,
        env,
        encoding: "utf8",
        timeout,
      });
      expect(status, `${code}\n${stdout}${stderr}`).toBe(0);
    });
  }
});
