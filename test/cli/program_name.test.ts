import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { programName } from "../../cli/program_name.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-path-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a program that is on the path is called by its name, any other through npx", () => {
  const PATH = ["/nowhere", folder].join(delimiter);
  expect(programName({ PATH })).toBe("npx visplay");
  writeFileSync(join(folder, "visplay"), "#!/bin/sh\n");
  chmodSync(join(folder, "visplay"), 0o755);
  expect(programName({ PATH })).toBe("visplay");
  expect(programName({ PATH, npm_command: "exec" })).toBe("npx visplay");
  expect(programName({})).toBe("npx visplay");
});
