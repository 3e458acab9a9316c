import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AnswerStream } from "../../cli/answer_stream.ts";
import { exitCodes } from "../../common/errors.ts";
import { encodePng } from "../../images/encode.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import { LocalPolicy } from "../../policy/embedded/local_policy.ts";
import type { Prompt, Turn } from "../../policy/port.ts";
import { promptAbout } from "../../policy/prompts.ts";
import { newTape, writeToken } from "../../policy/token_tape.ts";
import { tinyOptions } from "../policy/tiny.ts";
import { visplay } from "./visplay.ts";

const scenes = new SceneSource({ domain: "target", count: 2, seed: 4 });
const question = "how many red object ?";

let folder: string;
let picture: string;
let prompt: Prompt;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-ask-"));
  picture = join(folder, "scene.png");
  const image = await scenes.draw(0);
  await writeFile(picture, await encodePng(image));
  prompt = promptAbout(image, question);
});
afterAll(() => rm(folder, { recursive: true }));

/** What the embedded model says, without the command. */
async function said(temperature: number, groupSize: number, seed: number): Promise<string[]> {
  await using policy = await LocalPolicy.open("models/tiny", tinyOptions);
  const options = { groupSize, temperature, topK: 0, topP: 1, maxTokens: 32, seed };
  const [group = []] = await policy.sample([prompt], options);
  return group.map(({ text }) => text);
}

describe("visplay ask", { timeout: 60_000 }, () => {
  test("prints the likeliest answer, and nothing else where it is piped", async () => {
    const { status, stdout, stderr } = await visplay("ask", picture, question);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(`${(await said(0, 1, 0))[0]}\n`);
  });

  test("gives several answers by temperature and seed, and says how they are read, as JSON too", async () => {
    const flags = ["--temperature", "2", "--samples", "4", "--seed", "3"];
    const texts = await said(2, 4, 3);
    const { stdout } = await visplay("ask", picture, question, ...flags);
    expect(stdout.startsWith(texts.map((text, i) => `${i + 1}: ${text}\n`).join(""))).toBe(true);
    const json = JSON.parse((await visplay("ask", picture, question, ...flags, "--json")).stdout);
    expect(json).toMatchObject({ model: "tiny", temperature: 2, seed: 3 });
    expect(json.turns).toMatchObject([{ images: [picture], question }]);
    const [{ answers }] = json.turns;
    expect(answers.map(({ text }: { text: string }) => text)).toEqual(texts);
    for (const { text, outcome, answer } of answers)
      if (outcome === "answered") expect(text).toContain(answer);
    const votes = Number(/\((\d) of 4\)/.exec(stdout)?.[1]);
    expect(votes).toBeGreaterThan(0);
  });

  test("goes on with the next question, which may bring pictures of its own", async () => {
    const other = join(folder, "other.png");
    const image = await scenes.draw(1);
    await writeFile(other, await encodePng(image));
    const questions = [question, "is there a blue circle ?"];
    const { stdout } = await visplay(
      "ask",
      picture,
      questions[0] as string,
      other,
      picture,
      questions[1] as string,
    );

    await using policy = await LocalPolicy.open("models/tiny", tinyOptions);
    const options = { groupSize: 1, temperature: 0, topK: 0, topP: 1, maxTokens: 32, seed: 0 };
    const [[first] = []] = await policy.sample([prompt], options);
    const turns: Turn[] = [
      ...prompt.turns,
      { role: "assistant", tokens: first?.tokens as Int32Array },
      { role: "user", parts: [image, await scenes.draw(0), questions[1] as string] },
    ];
    const [[second] = []] = await policy.sample([{ turns }], options);
    expect(stdout).toBe(`> ${questions[0]}\n${first?.text}\n> ${questions[1]}\n${second?.text}\n`);
  });

  test("takes a question without any picture", async () => {
    const { status, stdout } = await visplay("ask", "ask .", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout).turns).toMatchObject([{ images: [], question: "ask .", answers: [{}] }]);
  });

  test("says where an answer was cut off", async () => {
    const { stdout, stderr } = await visplay("ask", picture, question, "--max-tokens", "2");
    expect(stdout.trim().split(" ")).toHaveLength(2);
    expect(stderr).toBe("cut off after 2 tokens (--max-tokens): 1 of 1 answer\n");
  });

  test("refuses what cannot be asked with the cause", async () => {
    expect(await visplay("ask", join(folder, "none.png"), question)).toMatchObject({
      status: exitCodes.images,
      stderr: expect.stringContaining("none.png: found no such file"),
    });
    expect(await visplay("ask", picture, " ")).toMatchObject({
      status: exitCodes.usage,
      stderr: expect.stringContaining("found an empty question"),
    });
    expect(await visplay("ask", picture, question, "--samples", "2")).toMatchObject({
      status: exitCodes.config,
      stderr: expect.stringContaining("give a --temperature above 0"),
    });
    expect(await visplay("ask", picture)).toMatchObject({
      status: exitCodes.usage,
      stderr: expect.stringContaining(`found no question behind ${picture}`),
    });
    const several = ["--samples", "2", "--temperature", "1"];
    expect(await visplay("ask", picture, question, question, ...several)).toMatchObject({
      status: exitCodes.config,
      stderr: expect.stringContaining("ask one question"),
    });
    expect(await visplay("ask", picture, question, "--model", join(folder, "none"))).toMatchObject({
      status: exitCodes.model,
    });
  });
});

describe("an answer in a terminal", () => {
  /** Tokens are bytes of UTF-8, as where a letter has several tokens. */
  const decode = (tokens: Int32Array) => Buffer.from(tokens).toString("utf8");

  test("appears as it grows, letters whole, and is in the end the text", async () => {
    const text = " Zwölf 😀 Vögel.  ";
    const bytes = Buffer.from(text);
    const tape = newTape(bytes.length);
    const parts: string[] = [];
    using stream = new AnswerStream(tape, decode, (part) => parts.push(part));
    for (const byte of bytes) {
      writeToken(tape, byte);
      stream.look();
    }
    stream.end(`${text.trim()}\n`);
    expect(parts.join("")).toBe(`${text.trim()}\n`);
    expect(parts.join("")).not.toContain("\uFFFD");
    expect(parts.length).toBeGreaterThan(10);
  });

  test("is written anew where it came out otherwise", async () => {
    const tape = newTape(8);
    const parts: string[] = [];
    using stream = new AnswerStream(tape, decode, (part) => parts.push(part));
    for (const byte of Buffer.from("abc")) writeToken(tape, byte);
    stream.look();
    stream.end("abd\n");
    expect(parts).toEqual(["abc", "\n", "abd\n"]);
  });
});
