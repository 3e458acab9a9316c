import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReasonerEpisode, RunEvent, ToolsRecord, TurnRecord } from "../../replay/events.ts";
import { ReplayStore } from "../../replay/store.ts";
import { actedEpisode } from "../replay/acted_episode.ts";
import { plainEpisode, turnImage } from "../replay/events.ts";
import { visplay } from "./visplay.ts";

const zoom = {
  type: "function",
  function: {
    name: "zoom",
    description: 'shows a part, of "é" & <b>',
    parameters: {
      type: "object",
      properties: { box: { type: "array", maxItems: 4 }, note: {} },
      required: ["box"],
    },
  },
} as const;
const called = { name: "zoom", arguments: { box: [0, 0, 500, 500], note: { "é <b>": [null, true, 1.5] } } };
const written = `<tool_call>\n${JSON.stringify(called)}\n</tool_call>`;
const plain = { name: "zoom", arguments: { box: [1, 2, 3, 4] } };

/** A look, a call that cannot be read, one without a word before it, and an answer. */
const said: readonly (readonly [text: string, call: { tool: string; fault: string | null } | null])[] = [
  [`I look nearer.\n${written}`, { tool: "zoom", fault: null }],
  ["again <tool_call>zoom!</tool_call>", { tool: "", fault: "notJson" }],
  [`<tool_call>${JSON.stringify(plain)}</tool_call>`, { tool: "zoom", fault: "failed" }],
  ["it is <tool_call> red", null],
];
const heard: readonly TurnRecord["parts"][] = [
  ["nearer:", { image: turnImage.id }],
  ["error: notJson: found what is no JSON"],
  ["error: failed: nothing there"],
];

/** The same trajectory of a policy that was told of the tool in one way or another. */
function episode(told: ToolsRecord["told"], section: string | null): ReasonerEpisode & RunEvent {
  const [base] = actedEpisode().rollouts;
  const user: TurnRecord = { role: "user", parts: [{ image: plainEpisode().image.id }, "which colour ?"] };
  const tag = (parts: TurnRecord["parts"]) =>
    told === "template" ? parts : ["<tool_response>", ...parts, "</tool_response>"];
  const trajectory = {
    observations: heard.map((parts, i) => ({ after: i + 1, turns: [{ role: "tool", parts: tag(parts) }] })),
    turns: said.map(([text, call]) => ({ text, call, parts: {}, advantage: null })),
    ...{ end: "done", success: true, fault: null, failure: null },
  } as const;
  const rollout = { ...base, tokens: [1, 2, 3, 4], logProbs: [0, 0, 0, 0], verified: true, trajectory };
  return {
    ...actedEpisode(),
    prompt: "which colour ?",
    turns: section === null ? [user] : [{ role: "system", parts: [section] }, user],
    tools: { functions: [zoom], told },
    rollouts: [rollout as ReasonerEpisode["rollouts"][number]],
  };
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-calls-"));
  const images = await Promise.all(
    [turnImage.id, plainEpisode().image.id].map(async (id, i) => {
      const background = { r: 80 * i, g: 9, b: 9 };
      const png = await sharp({ create: { width: 4, height: 3, channels: 3, background } })
        .png()
        .toBuffer();
      return { id, extension: "png", bytes: async () => png };
    }),
  );
  await using store = await ReplayStore.create(join(folder, "run"));
  await store.append(
    [
      episode("template", null),
      episode("usualWords", "You may call a tool …"),
      episode("ownWords", "Call zoom."),
      { ...actedEpisode({ round: 2 }), rollouts: actedEpisode().rollouts.slice(0, 1) },
    ],
    images,
  );
});
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
async function exported(format: string): Promise<string> {
  const out = join(folder, `out ${++count}`);
  const run = join(folder, "run");
  const { status, stderr } = await visplay("export-trajectories", run, "--format", format, "--out", out);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return out;
}

async function rowsOf(format: string): Promise<Record<string, unknown>[]> {
  const out = await exported(format);
  if (format !== "trl")
    return readFileSync(join(out, "train.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  const file = await asyncBufferFromFile(join(out, "data/train-00000-of-00001.parquet"));
  return parquetReadObjects({ file }) as Promise<Record<string, unknown>[]>;
}

const callOf = (call: object) => [{ type: "function", function: call }];
const text = (value: string) => ({ type: "text", text: value });

describe.each(["trl", "jsonl"])("%s", (format) => {
  const image = expect.objectContaining({ type: "image" });
  /** In a column, what a message lacks is there, too. */
  const none = format === "trl" ? { tool_calls: undefined } : {};
  const conversation = [
    { role: "user", content: [image, text("which colour ?")], ...none },
    { role: "assistant", content: [text("I look nearer.")], tool_calls: callOf(called) },
    { role: "tool", content: [text("nearer:"), image], ...none },
    { role: "assistant", content: [text("again <tool_call>zoom!</tool_call>")], ...none },
    { role: "tool", content: [text("error: notJson: found what is no JSON")], ...none },
    { role: "assistant", content: [], tool_calls: callOf(plain) },
    { role: "tool", content: [text("error: failed: nothing there")], ...none },
    { role: "assistant", content: [text("it is <tool_call> red")], ...none },
  ];

  test("has calls and answers in the forms of their own, whoever told of the tools; what is no call stays text", async () => {
    const [template, section, own] = await rowsOf(format);
    expect(template?.messages).toEqual(conversation);
    expect(template?.tools).toEqual([zoom]);
    expect(section?.messages).toEqual(conversation);
    expect(section?.tools).toEqual([zoom]);
    // What users told themselves stays where they told it.
    expect(own?.messages).toEqual([
      { role: "system", content: [text("Call zoom.")], ...none },
      ...conversation,
    ]);
    expect(own?.tools ?? null).toBe(null);
  });

  test("says nothing of tools where there were none", async () => {
    const row = (await rowsOf(format))[3];
    expect(row?.tools ?? null).toBe(null);
    for (const message of (row?.messages ?? []) as object[]) expect(message).toMatchObject(none);
    expect(row?.messages).toHaveLength(4);
  });
});

describe("ms-swift", () => {
  test("has its own roles for calls and their answers, and the tools as a text", async () => {
    const [template, section, own, others] = await rowsOf("ms-swift");
    const conversation = [
      { role: "user", content: "<image>which colour ?" },
      { role: "assistant", content: "I look nearer." },
      { role: "tool_call", content: JSON.stringify(called) },
      { role: "tool_response", content: "nearer:<image>" },
      { role: "assistant", content: "again <tool_call>zoom!</tool_call>" },
      { role: "tool", content: "error: notJson: found what is no JSON" },
      { role: "tool_call", content: JSON.stringify(plain) },
      { role: "tool_response", content: "error: failed: nothing there" },
      { role: "assistant", content: "it is <tool_call> red" },
    ];
    for (const row of [template, section]) {
      expect(row?.messages).toEqual(conversation);
      expect(JSON.parse(row?.tools as string)).toEqual([zoom]);
      expect(row?.images).toHaveLength(2);
    }
    expect(own?.messages).toEqual([{ role: "system", content: "Call zoom." }, ...conversation]);
    for (const row of [own, others]) expect(row).not.toHaveProperty("tools");
  });
});

test("the columns of TRL say that calls and tools are any JSON", async () => {
  const file = await asyncBufferFromFile(join(await exported("trl"), "data/train-00000-of-00001.parquet"));
  const { key_value_metadata: pairs = [] } = await parquetMetadataAsync(file);
  const { features } = JSON.parse(pairs.find(({ key }) => key === "huggingface")?.value ?? "{}").info;
  expect(features.tools).toEqual([{ _type: "Json" }]);
  expect(features.messages[0].tool_calls[0].function.arguments).toEqual({ _type: "Json" });
});
