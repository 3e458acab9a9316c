import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { decodeImage } from "../../images/decode.ts";
import type { EpisodeEvent, ReasonerEpisode, TurnRecord } from "../../replay/events.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayStore } from "../../replay/store.ts";
import { promptTurnsOf } from "../../replay/turns.ts";
import { actedEpisode } from "../replay/acted_episode.ts";
import { plainEpisode, turnImage } from "../replay/events.ts";
import { visplay } from "./visplay.ts";

type Episode = Extract<EpisodeEvent, ReasonerEpisode>;

let folder: string;
let run: string;
/** Pixels by the image's name in the replay. */
const pixels = new Map<string, Buffer>();

/** Six trajectories of three ends, of a plain prompt and of one of several pictures, and answers that are none. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-trajectories-"));
  run = join(folder, "run");
  const images = await Promise.all(
    [turnImage.id, "first", "second"].map(async (id, i) => {
      const png = await sharp({
        create: { width: 4, height: 3, channels: 3, background: { r: 80 * i, g: 9, b: 9 } },
      })
        .png()
        .toBuffer();
      pixels.set(id, png);
      return { id, extension: "png", bytes: async () => png };
    }),
  );
  const turns = [
    { role: "system", parts: ["Look well."] },
    { role: "user", parts: [{ image: "first" }, "or", { image: "second" }, "which ?"] },
  ];
  await using store = await ReplayStore.create(run);
  await store.append(
    [
      plainEpisode(),
      actedEpisode({ round: 1 }),
      creditedByTurn(actedEpisode({ round: 2, turns, label: null }, 'é "日本" <b>\nred')),
      actedEpisode({ round: 2, image: { index: 0, name: "gone.png", id: "gone" } }),
    ],
    images,
  );
});
afterAll(() => rm(folder, { recursive: true }));

/** The last turn of each trajectory with an advantage of its own. */
function creditedByTurn<E extends Episode>(episode: E): E {
  const credited = episode.rollouts.map((rollout) => {
    const { trajectory } = rollout;
    const turns = trajectory?.turns.map((turn, i, { length }) => ({
      ...turn,
      advantage: i === length - 1 ? 0.75 : null,
    }));
    return trajectory && turns ? { ...rollout, trajectory: { ...trajectory, turns } } : rollout;
  });
  return { ...episode, rollouts: credited };
}

let count = 0;
async function exported(...args: readonly string[]) {
  const out = join(folder, `out ${++count}`);
  const done = await visplay("export-trajectories", run, "--out", out, ...args);
  return { out, ...done };
}

const linesIn = (path: string) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** A conversation as the replay tells it: who says what, and pictures by their pixels. */
async function toldBy(reader: ReplayReader, episode: number, rollout: number) {
  const event = reader.episode(episode)?.event as Episode;
  const { trajectory } = event.rollouts[rollout] as (typeof event.rollouts)[number];
  const read = (turns: readonly TurnRecord[]) =>
    turns.map(async ({ role, parts }) => ({ role, parts: await Promise.all(parts.map(seen)) }));
  const said = (trajectory?.turns ?? []).flatMap(({ text }, i) => [
    { role: "assistant", parts: [text] },
    ...read(trajectory?.observations[i]?.turns ?? []),
  ]);
  return Promise.all([...read(promptTurnsOf(event)), ...said]);
}

async function seen(part: TurnRecord["parts"][number]) {
  return typeof part === "string" ? part : { pixels: await idOf(pixels.get(part.image) as Buffer) };
}

async function idOf(bytes: Uint8Array): Promise<string> {
  return (await decodeImage(bytes, null)).id;
}

interface Row {
  readonly episode: number;
  readonly rollout: number;
  readonly messages: readonly { readonly role: string; readonly content: string | readonly Content[] }[];
  readonly images?: readonly (string | { readonly bytes: Uint8Array })[];
}

interface Content {
  readonly type: string;
  readonly text?: string | null;
  readonly image?: string;
}

/** A conversation as a row tells it; a picture that its message does not name is the next of the row's. */
async function toldIn({ messages, images = [] }: Row, out: string) {
  const next = [...images][Symbol.iterator]();
  const picture = (named?: string) => {
    const file = named ?? next.next().value ?? "none";
    return idOf(typeof file === "string" ? readFileSync(join(out, file)) : file.bytes);
  };
  const told = messages.map(({ role, content }) => ({
    role,
    parts: contentsOf(content).map(({ type, text, image }) => (type === "text" ? text : picture(image))),
  }));
  expect(next.next().done).toBe(true);
  return Promise.all(
    told.map(async ({ role, parts }) => ({
      role,
      parts: await Promise.all(
        parts.map(async (part) => (part instanceof Promise ? { pixels: await part } : part)),
      ),
    })),
  );
}

/** What ms-swift makes of a text with tags. */
function contentsOf(content: Row["messages"][number]["content"]): readonly Content[] {
  if (typeof content !== "string") return content;
  const texts = content.split(/(<image>)/).filter((text) => text !== "");
  return texts.map((text) => (text === "<image>" ? { type: "image" } : { type: "text", text }));
}

async function rowsIn(out: string, format: string): Promise<Row[]> {
  if (format !== "trl") return linesIn(join(out, "train.jsonl"));
  const file = await asyncBufferFromFile(join(out, "data/train-00000-of-00001.parquet"));
  return (await parquetReadObjects({ file, utf8: false })) as unknown as Row[];
}

const allEnds = ["success", "done", "turns", "fault"].flatMap((end) => ["--end", end]);

describe.each(["trl", "ms-swift", "jsonl"])("%s", (format) => {
  test("read back, has the turns, pictures, rewards and parts of the replay, in its order", async () => {
    const { out, status, stderr } = await exported("--format", format, ...allEnds);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const rows = await rowsIn(out, format);
    expect(rows.map(({ episode, rollout }) => [episode, rollout])).toEqual(
      [2, 3].flatMap((episode) => [0, 1, 2].map((rollout) => [episode, rollout])),
    );
    using reader = ReplayReader.open(run);
    for (const row of rows) {
      const { episode, rollout } = row;
      expect(await toldIn(row, out)).toEqual(await toldBy(reader, episode, rollout));
      const event = reader.episode(episode)?.event as Episode;
      const { reward, parts, trajectory } = event.rollouts[rollout] as (typeof event.rollouts)[number];
      const named = (earned: object) => Object.entries(earned).map(([name, value]) => ({ name, value }));
      expect(row).toMatchObject({
        reward,
        parts: named(parts),
        turn_parts: trajectory?.turns.map((turn) => named(turn.parts)),
        turn_calls: trajectory?.turns.map(({ call }) => call ?? { tool: null, fault: null }),
        turn_advantages: trajectory?.turns.map(({ advantage }) => advantage),
        end: trajectory?.success ? "success" : trajectory?.end,
        fault: trajectory?.fault?.kind ?? null,
        failure: trajectory?.failure?.kind ?? null,
        failure_turn: trajectory?.failure?.turn ?? null,
        answer: event.label,
        round: event.round,
        run: "run",
      });
    }
  });
});

describe("what is selected", () => {
  test.each([
    [[], [2, 0, 2, 1, 3, 0, 3, 1]],
    [
      ["--end", "success"],
      [2, 0, 3, 0],
    ],
    [
      ["--reward", "..0"],
      [2, 1, 3, 1],
    ],
    [
      ["--reward", "0.5..", "--where", "round=2"],
      [3, 0],
    ],
    [
      ["--end", "fault", "--phase", "environment", "--where", "round=1"],
      [2, 2],
    ],
  ])("by %j", async (args, wanted) => {
    const { out } = await exported("--format", "jsonl", ...args);
    const rows = linesIn(join(out, "train.jsonl")) as Row[];
    expect(rows.flatMap(({ episode, rollout }) => [episode, rollout])).toEqual(wanted);
  });

  test("is counted, with the reasons; --dry-run writes nothing", async () => {
    const { out, stdout } = await exported("--dry-run");
    expect(stdout).toBe("9 trajectories\n  3 left out: end\n  2 left out: image not kept\n4 selected\n");
    expect(existsSync(out)).toBe(false);
    const written = await exported("--format", "jsonl", "--format", "trl");
    expect(readdirSync(written.out).sort()).toEqual(["jsonl", "trl"]);
    const manifest = JSON.parse(readFileSync(join(written.out, "trl/trajectories.json"), "utf8"));
    expect(manifest.counts).toEqual({
      candidates: 9,
      exported: 4,
      rejected: { end: 3, "image not kept": 2 },
    });
  });

  test("may be nothing, which leaves nothing and says why", async () => {
    const { out, status, stderr } = await exported("--format", "jsonl", "--reward", "7..");
    expect(status).toBe(exitCodes.emptyCurriculum);
    expect(stderr).toContain(
      "among 9 that the selection takes (left out: 6 for reward, 3 for end); widen it",
    );
    expect(existsSync(out)).toBe(false);
    expect((await exported("--format", "jsonl", "--reward", "much")).stderr).toContain(
      '--reward: found "much"',
    );
    expect((await exported("--format", "verl")).stderr).toContain("expected one of trl, ms-swift, jsonl");
  });

  test("has no text that ms-swift would take for a picture", async () => {
    const other = join(folder, "tagged");
    {
      await using store = await ReplayStore.create(other);
      const image = { ...turnImage, bytes: async () => pixels.get(turnImage.id) as Buffer };
      await store.append([actedEpisode({}, "an <image> of red"), actedEpisode()], [image]);
    }
    const counted = async (format: string) =>
      (await visplay("export-trajectories", other, "--dry-run", "--format", format)).stdout;
    expect(await counted("ms-swift")).toContain("2 left out: says <image>\n  2 left out: end\n2 selected");
    expect(await counted("trl")).toContain("4 selected");
  });
});

test("what is damaged is left out, said and listed", async () => {
  const other = join(folder, "damaged");
  {
    await using store = await ReplayStore.create(other);
    const image = { ...turnImage, bytes: async () => pixels.get(turnImage.id) as Buffer };
    await store.append([actedEpisode(), actedEpisode()], [image]);
  }
  {
    using database = Database.forWriting(join(other, "replay.db"));
    database.exec("UPDATE rollouts SET trajectory = '{' WHERE episode = 1");
  }
  const out = join(folder, "left of it");
  const { status, stdout, stderr } = await visplay(
    "export-trajectories",
    other,
    "--format",
    "jsonl",
    "--out",
    out,
  );
  expect(status).toBe(0);
  expect(stdout).toContain("3 trajectories\n  1 left out: end\n2 selected");
  expect(stderr).toContain("event 1 is damaged");
  const { damaged } = JSON.parse(readFileSync(join(out, "trajectories.json"), "utf8"));
  expect(damaged).toEqual([expect.stringContaining("damaged: event 1 is damaged")]);
});

test("the same is the same bytes", async () => {
  const [{ out: one }, { out: two }] = [await exported("--format", "trl"), await exported("--format", "trl")];
  for (const name of ["data/train-00000-of-00001.parquet", "trajectories.json", "README.md"])
    expect(readFileSync(join(one, name)).equals(readFileSync(join(two, name)))).toBe(true);
});
