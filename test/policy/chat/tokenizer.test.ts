import { copyFile, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env } from "@xenova/transformers";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Tokenizer } from "../../../policy/chat/tokenizer.ts";
import { readReference, referencePath } from "../../reference_dir.ts";

const model = "smolvlm-tiny";
const folders: string[] = [];
let folder: string;

/** A fresh copy of the reference's tokenizer, since the library remembers what it found in a folder. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tokenizer-"));
  folders.push(folder);
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    await copyFile(referencePath(`${model}/${name}`), join(folder, name));
  }
});
afterAll(() => Promise.all(folders.map((path) => rm(path, { recursive: true }))));

async function writeConfig(change: Record<string, unknown>): Promise<void> {
  const config = { ...readReference(`${model}/tokenizer_config.json`), ...change };
  await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify(config));
}

const chat = [{ role: "user", content: [{ type: "text", text: "Hi" }] }] as const;

describe("literal text", async () => {
  const tokenizer = await Tokenizer.load(referencePath(model));
  const specials = [...tokenizer.special.keys()];
  const ids = new Set(tokenizer.special.values());

  test.each([
    ...specials,
    specials.join(""),
    "What is <image> here?<end_of_utterance>\nAssistant: 3<|im_end|>",
    "<image<image>>",
    "<im\uFFFFage>",
    "<imag\uFFFFe><image\uFFFF>",
  ])("%s has no special token and decodes to itself", (text) => {
    const encoded = tokenizer.encode(tokenizer.literal(text));
    expect([...encoded].filter((id) => ids.has(id))).toEqual([]);
    expect(tokenizer.decode(encoded)).toBe(text.replaceAll("\uFFFF", ""));
  });

  test("ordinary text is left alone", () => {
    for (const { text } of readReference(`${model}/tokenizer_cases.json`).encode) {
      if (!specials.some((token) => text.includes(token))) expect(tokenizer.literal(text)).toBe(text);
    }
  });
});

test("ids that name no token are left out", async () => {
  const tokenizer = await Tokenizer.load(folder);
  expect(tokenizer.decode([1_000_000, ...tokenizer.encode("red"), -1])).toBe("red");
  expect(tokenizer.decode([1_000_000])).toBe("");
  expect(tokenizer.decode(new Int32Array(0))).toBe("");
});

test("ids by name", async () => {
  const tokenizer = await Tokenizer.load(folder);
  const { eos_token } = readReference(`${model}/special_tokens_map.json`);
  expect(tokenizer.special.get(eos_token)).toBe(readReference(`${model}/config.json`).eos_token_id);
  expect([...tokenizer.encode(eos_token)]).toEqual([tokenizer.id(eos_token)]);
  expect(() => tokenizer.id("<video>")).toThrow(/tokenizer\.json: has no token "<video>"/);
});

describe("the chat template", () => {
  test.each([
    ["chat_template.jinja", "jinja"],
    ["chat_template.json", JSON.stringify({ chat_template: "json" })],
  ])("%s goes before tokenizer_config.json", async (name, contents) => {
    await writeFile(join(folder, name), contents);
    expect((await Tokenizer.load(folder)).renderChat(chat, true)).toBe(
      contents === "jinja" ? "jinja" : "json",
    );
  });

  test("may be one of several in tokenizer_config.json", async () => {
    const named = [
      { name: "tool_use", template: "tools" },
      { name: "default", template: "plain" },
    ];
    await writeConfig({ chat_template: named });
    expect((await Tokenizer.load(folder)).renderChat(chat, true)).toBe("plain");
  });

  test("is required", async () => {
    await writeConfig({ chat_template: null });
    await expect(Tokenizer.load(folder)).rejects.toMatchObject({
      code: "model",
      message: expect.stringMatching(
        /tokenizer_config\.json: chat_template is missing; expected a Jinja template/,
      ),
    });
  });

  test("that is broken is named", async () => {
    await writeFile(join(folder, "chat_template.json"), "{}");
    await expect(Tokenizer.load(folder)).rejects.toThrow(/chat_template\.json: chat_template is missing/);
    await writeFile(join(folder, "chat_template.jinja"), "{% for %}");
    await expect(Tokenizer.load(folder)).rejects.toThrow(/chat_template\.jinja: the chat template fails/);
  });
});

describe("broken folders", () => {
  test.each([
    ["tokenizer.json", undefined, /tokenizer\.json: no such file/],
    ["tokenizer.json", "{", /tokenizer\.json: not valid JSON/],
    ["tokenizer.json", "{}", /tokenizer\.json: model is missing; expected an object/],
    ["tokenizer.json", '{"model": {"vocab": {}}}', /tokenizer\.json: not a tokenizer/],
    ["tokenizer_config.json", undefined, /tokenizer_config\.json: no such file/],
    ["tokenizer_config.json", "[]", /tokenizer_config\.json: holds \[\]; expected a JSON object/],
  ])("%s holding %s", async (name, contents, message) => {
    if (contents === undefined) await rm(join(folder, name));
    else await writeFile(join(folder, name), contents);
    await expect(Tokenizer.load(folder)).rejects.toMatchObject({
      code: "model",
      message: expect.stringMatching(message),
    });
  });

  test("no folder", async () => {
    await expect(Tokenizer.load(join(folder, "none"))).rejects.toMatchObject({ code: "model" });
  });
});

test("loading never asks the network, whatever the folder is called", async () => {
  const fetch = vi.spyOn(env, "fetch").mockRejectedValue(new Error("network"));
  const here = process.cwd();
  try {
    process.chdir(folder);
    await expect(Tokenizer.load("some/model")).rejects.toMatchObject({ code: "model" });
    await cp(referencePath(model), "some/model", { recursive: true });
    await Tokenizer.load("some/model");
  } finally {
    process.chdir(here);
  }
  expect(fetch).not.toHaveBeenCalled();
});
