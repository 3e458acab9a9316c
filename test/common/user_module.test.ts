import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadFunction } from "../../common/user_module.ts";

const folder = mkdtempSync(join(tmpdir(), "visplay-module-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test.each([
  ["typed.ts", 'import { twice } from "./twice.ts";\nexport default (x: number): number => twice(x);'],
  ["without_ending.ts", 'import { twice } from "./twice";\nexport default async (x: number) => twice(x);'],
  ["typed.mts", "enum N { two = 2 }\nexport default function (x: number) { return N.two * x; }"],
  ["plain.mjs", "export default (x) => 2 * x;"],
  ["plain.cjs", "module.exports = (x) => 2 * x;"],
])("%s is loaded with what it imports", async (name, text) => {
  write("twice.ts", "export const twice = (x: number): number => 2 * x;");
  const twice = await loadFunction(write(name, text), "reward.module");
  expect(await twice(21)).toBe(42);
});

test.each([
  ["is not there", "gone.ts", null, /^reward\.module: there is no file .*gone\.ts$/],
  ["is no module", "reward.py", "def reward(): pass", /found .*reward\.py, expected a module \(\.ts, .*\)$/],
  ["is broken", "broken.ts", "export default (x: => 1", /broken\.ts cannot be loaded: .*broken\.ts:1:19/],
  ["needs what is missing", "needs.ts", 'import "./no_such.ts";\nexport default () => 1;', /no_such\.ts/],
  ["throws", "throws.mjs", "throw new Error('no key');", /throws\.mjs cannot be loaded: no key$/],
  ["exports by name", "named.ts", "export const reward = () => 1;", /exports reward, expected a function/],
  ["exports nothing", "empty.ts", "const x = 1;", /exports nothing, expected a function/],
  ["exports a value", "value.mjs", "export default 3;", /exports a default of type number/],
])("one that %s is refused in words", async (_, name, text, message) => {
  const path = text === null ? join(folder, name) : write(name, text);
  await expect(loadFunction(path, "reward.module")).rejects.toMatchObject({
    code: "config",
    message: expect.stringMatching(message),
  });
});
