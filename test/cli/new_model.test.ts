import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModelDefaults } from "../../cli/model_defaults.ts";
import { addNewModel } from "../../cli/new_model.ts";
import { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import type { Turn } from "../../policy/port.ts";
import { promptAbout } from "../../policy/prompts.ts";
import { openConversations } from "../policy/conversations.ts";
import { picture, sampling, tinyOptions } from "../policy/tiny.ts";
import pythonIds from "./new_model/python_ids.json" with { type: "json" };
import { visplay } from "./visplay.ts";

const data = "test/cli/new_model/questions.jsonl";

/** Runs the command in this process. */
async function newModel(out: string, ...args: readonly string[]): Promise<void> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addNewModel(program);
  await program.parseAsync(["new-model", "--out", out, ...args], { from: "user" });
}

let scratch: string;
let folder: string;
let made: Awaited<ReturnType<typeof visplay>>;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "visplay-new-model-"));
  folder = join(scratch, "model");
  made = await visplay("new-model", "--data", data, "--also", "chain", "--out", folder);
}, 60_000);
afterAll(() => rm(scratch, { recursive: true }));

describe("a new model", () => {
  test("is told what it is made of", async () => {
    expect(made).toMatchObject({ status: 0, stderr: expect.stringContaining("row 5: found no text") });
    const { words = "", parameters = "" } =
      /: (?<words>\d+) words, (?<parameters>[\d,]+) parameters, 64x64 pixels of a picture as 16 tokens/.exec(
        made.stdout,
      )?.groups ?? {};
    await using policy = await LocalPolicy.open(folder, tinyOptions);
    expect(policy.model.config.text.vocabSize).toBe(Number(words) + 7);
    expect((await policy.info()).parameters).toBe(Number(parameters.replaceAll(",", "")));
    const { prompts } = await readModelDefaults(folder);
    expect(prompts).toEqual({ questioner: "ask .", reasoner: "{question}" });
  });

  test("reads and writes text as Python does", async () => {
    await using policy = await LocalPolicy.open(folder, tinyOptions);
    for (const { text, ids, decoded } of pythonIds.texts) {
      expect([text, ...policy.tokenizer.encode(text)]).toEqual([text, ...ids]);
      expect(policy.tokenizer.decode(ids, true)).toBe(decoded);
    }
  });

  test.each(["new", "embedded"] as const)(
    "reads conversations as Python's processor does (%s)",
    async (which) => {
      const { tokenizer, tokens } = await openConversations(which === "new" ? folder : "models/tiny");
      for (const { messages, ...expected } of pythonIds.conversations) {
        const turns = messages.map(({ role, content }): Turn => {
          const parts = content.map((part) => part.text ?? picture(1));
          if (role !== "assistant") return { role: role as "user", parts };
          const said = tokenizer.encode(parts.join(""));
          return { role, tokens: Int32Array.of(...said, tokenizer.id("<end_of_utterance>")) };
        });
        expect([...tokens(turns).ids]).toEqual(expected[which]);
      }
    },
  );

  test("has words for whoever speaks", async () => {
    const { tokenizer, tokens } = await openConversations(folder);
    const turns: Turn[] = [
      { role: "system", parts: ["what?"] },
      { role: "user", parts: [picture(1), "what?"] },
      { role: "assistant", tokens: Int32Array.of(tokenizer.id("<end_of_utterance>")) },
      { role: "tool", parts: ["what?"] },
    ];
    expect([...tokens(turns).ids]).not.toContain(tokenizer.id("<unk>"));
  });

  test("knows every word of its data, and gives it back letter by letter", async () => {
    await using policy = await LocalPolicy.open(folder, tinyOptions);
    const { tokenizer } = policy;
    const rows = (await readFile(data, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const texts = rows
      .flatMap(({ question, answer, chain }) => [question, answer, chain].flat())
      .filter((text) => typeof text === "string")
      .map((text) => text.replace("<image>", ""));
    expect(texts.length).toBeGreaterThan(8);
    for (const text of texts) {
      const ids = tokenizer.encode(text);
      expect(ids).not.toContain(tokenizer.id("<unk>"));
      const spaces = (each: string) => each.replace(/ (?=<\/)|(?<=<\/\w+>) /g, "");
      expect(spaces(tokenizer.decode(ids, true))).toBe(spaces(text));
    }
  });

  test("samples, and a supervised step lowers its loss", async () => {
    await using policy = await LocalPolicy.open(folder, tinyOptions);
    const prompt = promptAbout(picture(1), "what color is the circle?");
    const [group] = await policy.sample([prompt], sampling);
    expect(group).toHaveLength(sampling.groupSize);
    const examples = [{ prompt, completion: "blue" }];
    const first = await policy.supervise(examples, { learningRate: 1e-3 });
    const second = await policy.supervise(examples, { learningRate: 1e-3 });
    // Untrained, it finds all words alike.
    expect(first.loss).toBeGreaterThan(0.8 * Math.log(policy.model.config.text.vocabSize));
    expect(second.loss).toBeLessThan(first.loss - 0.1);
  });

  test("has the sizes that were asked for, and says which words it lacks", async () => {
    const other = join(scratch, "other");
    const sizes = ["--max-words", "150", "--image-size", "96", "--hidden", "64", "--layers", "2"];
    const { stdout, stderr } = await visplay("new-model", "--data", data, "--out", other, ...sizes);
    expect(stdout).toContain("150 words");
    expect(stdout).toContain("96x96 pixels of a picture as 36 tokens");
    expect(stderr).toMatch(/outside the vocabulary \(--max-words\): \d+ words, \d+\.\d% of the text/);
    await using policy = await LocalPolicy.open(other, tinyOptions);
    expect(policy.model.config.text).toMatchObject({ vocabSize: 157, hiddenSize: 64, layers: 2 });
    const [[completion] = []] = await policy.sample([promptAbout(picture(1), "what?")], sampling);
    expect(completion?.tokens.length).toBeGreaterThan(0);
  });

  test("is the same for the same seed only", async () => {
    const weights = (name: string) => readFile(join(scratch, name, "model.safetensors"));
    await newModel(join(scratch, "again"), "--data", data, "--also", "chain");
    await newModel(join(scratch, "seeded"), "--data", data, "--also", "chain", "--seed", "1");
    const first = await weights("model");
    expect(first.equals(await weights("again"))).toBe(true);
    expect(first.equals(await weights("seeded"))).toBe(false);
  });
});

test("what cannot become a model is refused with the cause", async () => {
  const refused = (given: string, ...rest: string[]) =>
    newModel(join(scratch, "none"), "--data", given, ...rest).then(
      () => null,
      (error) => error,
    );
  const textless = join(scratch, "textless.jsonl");
  await writeFile(textless, `${JSON.stringify({ question: " ", answer: null })}\n`);
  const columnless = join(scratch, "columnless.jsonl");
  await writeFile(columnless, `${JSON.stringify({ picture: "0.png" })}\n`);
  expect(await refused(textless)).toMatchObject({
    code: "data",
    message: expect.stringContaining("found no text in 1 row, expected some"),
  });
  expect(await refused(columnless)).toMatchObject({
    code: "data",
    message: expect.stringContaining("its columns are picture"),
  });
  expect(await refused(join(scratch, "nothing.jsonl"))).toMatchObject({ code: "data" });
  expect(await refused(data, "--also", "no")).toMatchObject({ code: "data" });
  expect(await refused(data, "--max-words", "50")).toMatchObject({
    code: "config",
    message: expect.stringMatching(/^--max-words: \d+ words of prompts and formats, at most 50$/),
  });
  for (const size of ["72", "240", "48", "x"])
    expect(await refused(data, "--image-size", size)).toMatchObject({
      code: "commander.invalidArgument",
      message: expect.stringContaining("expected a multiple of 16 from 64 to 224"),
    });
  await expect(newModel(folder, "--data", data)).rejects.toMatchObject({
    code: "config",
    message: expect.stringContaining("is not empty"),
  });
});
