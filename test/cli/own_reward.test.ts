import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEnvironments } from "../../cli/environments.ts";
import { openLabelled } from "../../cli/labelled.ts";
import { encodePng } from "../../images/encode.ts";
import { imageOf } from "../../images/image.ts";
import type { ImageSource } from "../../images/source.ts";
import { defaultReasonerTemplates } from "../../reasoner/prompt.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { runProgram } from "../built.ts";
import { configOf } from "../fakes/config.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-own-reward-"));
  const picture = imageOf(
    32,
    32,
    Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => i % 251),
  );
  await writeFile(join(folder, "a.png"), await encodePng(picture));
  const rows = ["1", "2", "red", "blue"].map((answer) => ({
    image: "a.png",
    question: "how many ?",
    answer,
  }));
  await writeFile(join(folder, "rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => rm(folder, { recursive: true }));

const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);

/** What is opened of a stage with a reward, and what is said meanwhile. */
async function open(reward: object | string): Promise<{ inputs: object; said: string[] }> {
  const said: string[] = [];
  const signal = new AbortController().signal;
  const stage = { kind: "grpo", data: join(folder, "rows.jsonl"), reward };
  const opening = { signal, say: (line: string) => said.push(line), show: () => {} };
  const config = configOf({ stages: [stage] });
  const { labelled, inputs } = await openLabelled(config, opening);
  const images = labelled[0]?.images as ImageSource;
  const templates = { questioner: "ask", ...defaultReasonerTemplates };
  await using environments = await openEnvironments(config, { images, templates, labelled }, opening);
  return { inputs: { ...inputs, ...environments.inputs }, said };
}

describe("the reward of a stage", () => {
  test("of one's own is pinned by what its module says", async () => {
    const module = join(folder, "pinned.ts");
    const pinOf = async () => (await open(module)).inputs;
    await write("pinned.ts", "export default () => ({ a: 1 });");
    const first = await pinOf();
    expect(Object.keys(first)).toEqual(["stages.0.data", "stages.0.reward.module"]);
    expect(await pinOf()).toEqual(first);
    await write("pinned.ts", "export default () => ({ a: 2 });");
    const second = await pinOf();
    expect(second).not.toEqual(first);
    expect(second).toMatchObject({ "stages.0.data": (first as Record<string, string>)["stages.0.data"] });
  });

  test("is loaded once", async () => {
    const loads = join(folder, "loads");
    await write(
      "counted.ts",
      `import { appendFileSync } from "node:fs"; appendFileSync(${JSON.stringify(loads)}, "once "); export default () => ({ a: 1 });`,
    );
    await open(join(folder, "counted.ts"));
    expect(await readFile(loads, "utf8")).toBe("once ");
  });

  test("says which labels its verifier can make nothing of", async () => {
    const { said } = await open({ verifier: "number" });
    expect(said.at(-1)).toMatch(
      /^verifier number can make nothing of 2 of the first 4 labels, such as "red"/,
    );
    expect((await open({ verifier: "anls" })).said.join("\n")).not.toContain("verifier");
  });
});

/** The exit code and all that a run of one step with a reward said. */
async function grpo(module: string, out: string): Promise<{ code: number; text: string }> {
  const settings = ["steps=1", "itemsPerStep=4", "groupSize=4", "beta=0"].flatMap((each) => [
    "--set",
    `stages.0.${each}`,
  ]);
  const args = ["grpo", "--data", "rows.jsonl", "--out", out, ...settings];
  const own = ["--set", `stages.0.reward=${module}`, "--set", "evaluation.questions=0"];
  const { code, stdout, stderr } = await runProgram([...args, ...own], { cwd: folder, env: process.env });
  return { code, text: stdout + stderr };
}

describe("visplay grpo with a reward of one's own", { timeout: 120_000 }, () => {
  test("records its parts, and null where nobody could judge", async () => {
    await write(
      "mine.ts",
      `export default ({ truths, parts, tokens }: { truths: string[]; parts: { correctness: number }; tokens: number }) =>
        Number.isNaN(Number(truths[0])) ? null : { correctness: parts.correctness, short: 1 / tokens };`,
    );
    expect(await grpo("./mine.ts", "run")).toMatchObject({ code: 0 });
    using reader = ReplayReader.open(join(folder, "run"));
    const groups = [...reader.events()].flatMap(({ event }) =>
      event.type === "reasonerEpisode" ? [event] : [],
    );
    expect(groups.map(({ label }) => label).sort()).toEqual(["1", "2", "blue", "red"]);
    for (const { label, rollouts } of groups)
      for (const { parts, reward, advantage, tokens } of rollouts) {
        if (Number.isNaN(Number(label))) expect([parts, reward, advantage]).toEqual([{}, null, 0]);
        else expect(reward).toBeCloseTo(0.9 * (parts.correctness ?? Number.NaN) + 1 / tokens.length, 9);
      }
  });

  test("ends with a message where a part is no number", async () => {
    await write("nan.ts", "export default () => ({ near: 0 / 0 });");
    const { code, text } = await grpo("./nan.ts", "broken");
    expect(code).toBe(3);
    expect(text).toMatch(/nan\.ts gave NaN as its part "near", expected a finite number/);
  });
});
