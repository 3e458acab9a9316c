import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLabelled } from "../../cli/labelled.ts";
import { configOf } from "../fakes/config.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-labelled-"));
  const create = { width: 4, height: 4, channels: 3, background: "red" } as const;
  await sharp({ create }).png().toFile(join(folder, "a.png"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Opens rows about one picture as the data of a stage; gives what was said, too. */
async function open(rows: readonly object[], stage: object) {
  const data = join(folder, "rows.jsonl");
  await writeFile(data, rows.map((row) => `${JSON.stringify({ image: "a.png", ...row })}\n`).join(""));
  const said: string[] = [];
  const opening = {
    signal: new AbortController().signal,
    say: (line: string) => said.push(line),
    show: () => {},
  };
  const config = configOf({ stages: [{ kind: "sft", data, ...stage }, { kind: "self_play" }] });
  return { ...(await openLabelled(config, opening)), said };
}

const question = "what is it ?";

describe("the labelled data of a stage", () => {
  test("has the thinking apart from the answer, from its column or from tags", async () => {
    const rows = [
      { question, answer: "red", why: "i see red" },
      { question, answer: "<think> a square </think>\n<answer> red </answer>", why: "" },
      { question, answer: ["red", "crimson"], why: null },
    ];
    const { labelled, said } = await open(rows, { chain: "why" });
    expect(labelled[0]?.items).toEqual([
      { question, truths: ["red"], chain: "i see red" },
      { question, truths: ["red"], chain: null },
      { question, truths: ["red", "crimson"], chain: null },
    ]);
    expect(labelled[1]).toBe(null);
    expect(said).toEqual([expect.stringMatching(/^sft: 3 labelled questions of .*rows.jsonl$/)]);
    const tagged = await open(rows, {});
    expect(tagged.labelled[0]?.items.map(({ chain }) => chain)).toEqual([null, "a square", null]);
  });

  test("is pinned by its questions, answers and pictures", async () => {
    const digestOf = async (row: object) => (await open([row], {})).inputs["stages.0.data"];
    const first = await digestOf({ question, answer: "red" });
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await digestOf({ question, answer: "red" })).toBe(first);
    expect(await digestOf({ question, answer: "blue" })).not.toBe(first);
  });

  test("lacks a column, or has labels that the verifier can make nothing of", async () => {
    await expect(open([{ question, answer: "red" }], { chain: "why" })).rejects.toMatchObject({
      code: "data",
    });
    const { said } = await open([{ question, answer: "red" }], {
      kind: "grpo",
      reward: { verifier: "boxes" },
    });
    expect(said.join("\n")).toMatch(
      /verifier boxes can make nothing of 1 of the first 1 labels, such as "red"/,
    );
  });
});
