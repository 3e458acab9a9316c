import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exitCodeOf } from "../../../cli/report.ts";
import { OutputFile, writeOutput } from "../../../data/export/output_file.ts";

test("what was written in parts is there, with its size and hash", async () => {
  const folder = mkdtempSync(join(tmpdir(), "visplay-output-"));
  const path = join(folder, "file");
  await using file = await OutputFile.create(path);
  for (const part of ["one", "", "two"]) await file.write(Buffer.from(part));
  expect(await file.close()).toEqual({
    bytes: 6,
    sha256: createHash("sha256").update("onetwo").digest("hex"),
  });
  expect(readFileSync(path, "utf8")).toBe("onetwo");
  rmSync(folder, { recursive: true });
});

// A device of Linux that is always full.
test.skipIf(!existsSync("/dev/full"))("a full disk is an error that says so", async () => {
  const failure = await writeOutput("/dev/full", "something").catch((error) => error);
  expect(failure).toMatchObject({ code: "ENOSPC" });
  expect(exitCodeOf(failure)).toBe(6);
});
