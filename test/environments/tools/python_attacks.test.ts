import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openPython } from "../../../environments/tools/python/python.ts";
import { ToolFault } from "../../../environments/tools/tool.ts";
import {
  type Attack,
  onJavaScript,
  onOthers,
  onProcesses,
  onSpace,
  onTheNetwork,
  onTime,
  type Target,
} from "./python_attacks.ts";
import { onFiles, onScratch } from "./python_file_attacks.ts";

const secret = "canary-of-the-machine";
const folder = mkdtempSync(join(tmpdir(), "python-attacks-"));
const server = createServer((socket) => {
  reached++;
  socket.destroy();
});
let reached = 0;
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const target: Target = {
  file: join(folder, "canary"),
  absent: join(folder, "absent"),
  variable: "VISPLAY_CANARY",
  port: (server.address() as AddressInfo).port,
};
process.env[target.variable] = secret;
writeFileSync(target.file, secret);

// One that has time enough on a busy machine, and one whose calls are ended soon.
const timeLimitMs = 20_000;
const python = await openPython({ setting: "tools.use.0", timeLimitMs, threads: 1 });
const hasty = await openPython({ setting: "tools.use.0", timeLimitMs: 1000, threads: 2 });

afterAll(async () => {
  await python[Symbol.asyncDispose]();
  await hasty[Symbol.asyncDispose]();
  server.close();
  rmSync(folder, { recursive: true });
  delete process.env[target.variable];
});

/** What the policy would read of a call in a trajectory of its own. */
async function answerTo(code: string, tool: typeof python = python): Promise<string> {
  const { signal } = new AbortController();
  try {
    const parts = await tool.run({ code }, { images: [], before: [], seed: 7, signal });
    return parts.join("").trimEnd();
  } catch (error) {
    if (error instanceof ToolFault) return `${error.kind}: ${error.message}`;
    throw error;
  }
}

/** Nothing outside was learnt, changed or reached, and the next trajectory's Python is as good as new. */
async function expectHeld(answer: string): Promise<void> {
  expect(answer).not.toContain(secret);
  expect(readFileSync(target.file, "utf8")).toBe(secret);
  expect(existsSync(target.absent)).toBe(false);
  expect(reached).toBe(0);
  expect(process.exitCode).toBe(undefined);
  expect(Reflect.get({}, "polluted")).toBe(undefined);
  expect(await answerTo("import math\nmath.comb(10, 3) if 'x' not in globals() else x")).toBe("120");
}

describe.each([
  ["JavaScript", onJavaScript],
  ["files", onFiles(target)],
  ["processes", onProcesses(target)],
  ["the network", onTheNetwork(target)],
  ["space", onSpace],
  ["the room for files", onScratch],
] satisfies [string, readonly Attack[]][])("an attack on %s ends in the sandbox", (_, attacks) => {
  test.each(attacks)("%s", async (_name, code, expected) => {
    const answer = await answerTo(code);
    expect(answer).toMatch(expected);
    expect(answer).not.toMatch(/^timedOut/);
    await expectHeld(answer);
  });
});

test("attacks on time are ended, whatever they do, and the thread is made anew", async () => {
  const answers = await Promise.all(onTime.map(([, code]) => answerTo(code, hasty)));
  for (const [index, answer] of answers.entries()) expect(answer).toMatch(onTime[index]?.[2] as RegExp);
  expect(await answerTo("6 * 7", hasty)).toBe("42");
  await expectHeld(answers.join());
});

describe("a trajectory finds nothing of another", () => {
  test.each(onOthers)("%s", async (_name, code, search) => {
    expect(await answerTo(code)).not.toMatch(/^(failed|timedOut|tooLarge)/);
    expect(await answerTo(search)).toMatch(/^'?nothing'?$/);
  });
});

test("the port that no attack reached can be reached", async () => {
  await new Promise((resolve) => connect(target.port, "127.0.0.1").on("close", resolve));
  expect(reached).toBe(1);
});
