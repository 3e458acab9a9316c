import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { packColumns } from "../../replay/columns.ts";
import type { RunEvent } from "../../replay/events.ts";
import { countHits, hits } from "../../replay/pages.ts";
import {
  checkedQuery,
  type EpisodeHead,
  type EpisodeQuery,
  type Figure,
  ftsQuery,
} from "../../replay/query.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { figureColumns } from "../../replay/schema.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { plainEpisode, RandomEvents } from "./events.ts";

let folder: string;
let reader: ReplayReader;
/** The replay with its columns stored, but for the last events', and one with the same events and none stored. */
let database: Database;
let plain: Database;
let all: readonly EpisodeHead[];

/** Some hundred random episodes, a part of them superseded after their columns were stored. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
  const path = join(folder, "replay.db");
  const random = new RandomEvents(11);
  const writer = ReplayWriter.create(folder);
  using packer = Database.forWriting(path);
  writer.append(random.events(300));
  packColumns(packer, 300, 64);
  writer.resume(220);
  writer.append(random.events(300));
  packColumns(packer, 550, 64);
  writer[Symbol.dispose]();
  reader = ReplayReader.open(folder);
  database = Database.forReading(path);
  await copyFile(path, join(folder, "plain.db"));
  plain = Database.forWriting(join(folder, "plain.db"));
  plain.exec("DELETE FROM columns");
  all = reader.episodes({
    superseded: "include",
    limit: 1000,
    sort: { by: "time", order: "ascending" },
  }).episodes;
});
afterAll(async () => {
  reader[Symbol.dispose]();
  database[Symbol.dispose]();
  plain[Symbol.dispose]();
  await rm(folder, { recursive: true });
});

const named: readonly Figure[] = [
  "part:name 0",
  "part:name 1",
  "check:name 2",
  "version:name 1",
  "trajectory:turns",
  "trajectory:faults",
];
const figures: readonly Figure[] = [...(Object.keys(figureColumns) as Figure[]), ...named];

function valueIn(head: EpisodeHead, figure: Figure | "time"): number | null {
  if (figure === "time") return head.id;
  if (figure === "questionerVersion") return head.versions.questioner ?? null;
  if (figure === "reasonerVersion") return head.versions.reasoner ?? null;
  if (figure.startsWith("version:")) return head.versions[figure.slice("version:".length)] ?? null;
  if (figure.includes(":")) return head.measures[figure] ?? null;
  return head[figure as "reward"];
}

/** What a query should give, by looking at every episode. */
function expected(query: EpisodeQuery): number[] {
  const { stages, phases, role, superseded, ranges, finishReason, image, sort } = query;
  const { by, order } = sort ?? { by: "time", order: "descending" };
  const inPhase = (head: EpisodeHead) =>
    (stages?.includes(head.stage) ?? true) &&
    (phases?.includes(head.phase) ?? true) &&
    (role === undefined || role === head.role);
  const inRange = (head: EpisodeHead) =>
    Object.entries(ranges ?? {}).every(([figure, { min = -1e9, max = 1e9 }]) => {
      const value = valueIn(head, figure as Figure);
      return value !== null && value >= min && value <= max;
    });
  const ended = (head: EpisodeHead) =>
    finishReason === undefined ||
    (finishReason === "length" ? head.truncated > 0 : head.truncated < head.rollouts);
  const kept = all.filter(
    (head) =>
      (superseded === "include" || head.superseded === (superseded === "only")) &&
      inPhase(head) &&
      inRange(head) &&
      ended(head) &&
      (image === undefined || head.image.id === image) &&
      valueIn(head, by) !== null,
  );
  const sign = order === "ascending" ? 1 : -1;
  const key = (head: EpisodeHead) => valueIn(head, by) ?? 0;
  return kept.sort((a, b) => sign * (key(a) - key(b) || a.id - b.id)).map(({ id }) => id);
}

function randomQuery(stream: RandomStream): EpisodeQuery {
  const maybe = <T>(make: () => T): T | undefined => (stream.integer(3) === 0 ? make() : undefined);
  const bound = () => maybe(() => stream.integer(30) / 5 - 1);
  const range = () => ({ [stream.pick(figures)]: { min: bound(), max: bound() } });
  return {
    stages: maybe(() => [stream.pick(["selfPlay", "gym", "school"])]),
    phases: maybe(() => [stream.pick(["questioner", "curriculum", "reasoner", "duel"]), "reasoner"]),
    role: maybe(() => stream.pick(["questioner", "reasoner", "judge", "nobody"])),
    superseded: maybe(() => stream.pick(["include", "only"] as const)),
    ranges: maybe(() => ({ ...range(), ...range() })),
    finishReason: maybe(() => stream.pick(["stop", "length"] as const)),
    image: maybe(() => `image-${stream.integer(5)}`),
    sort: maybe(() => ({
      by: stream.pick(["time", ...figures] as const),
      order: stream.pick(["ascending", "descending"] as const),
    })),
  };
}

describe("episodes", () => {
  it("gives every episode of a query once, in order, page after page", () => {
    const stream = new RandomStream(1);
    let found = 0;
    for (let i = 0; i < 160; i++) {
      const query = randomQuery(stream);
      const limit = 1 + stream.integer(60);
      const ids: number[] = [];
      let cursor: string | null = null;
      do {
        const page = reader.episodes({ ...query, limit, ...(cursor && { cursor }) });
        expect(page.episodes.length).toBeLessThanOrEqual(limit);
        ids.push(...page.episodes.map(({ id }) => id));
        cursor = page.next;
      } while (cursor);
      const wanted = expected(query);
      expect(ids, JSON.stringify(query)).toEqual(wanted);
      const unsorted = { ...query, sort: undefined };
      expect(reader.count(unsorted), JSON.stringify(query)).toBe(expected(unsorted).length);
      found += ids.length;
    }
    expect(found).toBeGreaterThan(5000);
  });

  it("gives the same from stored columns as from rows, also of what says a text", () => {
    expect(database.value("SELECT count(DISTINCT first) FROM columns")).toBe(8);
    const stream = new RandomStream(2);
    let found = 0;
    for (let i = 0; i < 160; i++) {
      const text = [undefined, undefined, "red", "squ*", "red circle"][stream.integer(5)];
      const query = checkedQuery({ ...randomQuery(stream), text, limit: 1 + stream.integer(40) });
      const stored = hits(database, query);
      expect(stored, JSON.stringify(query)).toEqual(hits(plain, query));
      expect(countHits(database, query, 90)).toBe(countHits(plain, query, 90));
      found += stored.length;
    }
    expect(found).toBeGreaterThan(1000);
  });

  it("looks only where the order begins", () => {
    let blocks = 0;
    const watched = {
      value: database.value.bind(database),
      prepare: (sql: string) => {
        const statement = database.prepare(sql);
        const all: typeof statement.all = (params) => {
          const rows = statement.all(params);
          if (sql.includes("data")) blocks += rows.length;
          return rows as never;
        };
        return { ...statement, all };
      },
    };
    const looked = (query: EpisodeQuery) => {
      blocks = 0;
      expect(hits(watched, checkedQuery({ limit: 5, superseded: "include", ...query })).length).toBe(6);
      return blocks;
    };
    for (const order of ["ascending", "descending"] as const) {
      expect(looked({ sort: { by: "time", order } })).toBeLessThanOrEqual(8);
      expect(looked({ sort: { by: "reward", order }, ranges: { length: { min: 1 } } })).toBeLessThanOrEqual(
        12,
      );
      expect(looked({ sort: { by: "reward", order }, text: "red" })).toBeGreaterThan(1);
    }
  });

  it("surveys rounds and figures", () => {
    const counts = reader.counts();
    expect(counts.reduce((sum, { episodes }) => sum + episodes, 0)).toBe(all.length);
    const those = (place: object) => all.filter((head) => isDeepStrictEqual({ ...head, ...place }, head));
    for (const { episodes, ...place } of counts) expect(episodes).toBe(those(place).length);
    for (const { name, min, max, ...origin } of reader.figures()) {
      const values = those(origin).flatMap((head) => valueIn(head, name as Figure) ?? []);
      expect([min, max]).toEqual([Math.min(...values), Math.max(...values)]);
    }
  });

  it("shows an episode's figures", async () => {
    using own = await replayOf(plainEpisode());
    const origin = { stage: "selfPlay", phase: "reasoner", role: "reasoner", type: "reasonerEpisode" };
    expect(own.episodes().episodes).toEqual([
      {
        id: 1,
        attempt: 1,
        superseded: false,
        atMs: 7,
        ...origin,
        round: 1,
        step: 0,
        image: { index: 3, name: "3.png", id: "image-3" },
        versions: { questioner: 1, reasoner: 2 },
        question: "which colour ?",
        label: "red",
        rollouts: 2,
        truncated: 0,
        length: 3,
        reward: 0.55,
        advantage: 0,
        confidence: 0.75,
        measures: { "part:agreement": 0.45, "part:format": 0.1 },
      },
    ]);
    expect(own.counts()).toEqual([{ superseded: false, ...origin, round: 1, episodes: 1 }]);
    expect(own.figures()).toEqual([
      { ...origin, name: "part:agreement", min: 0.45, max: 0.45 },
      { ...origin, name: "part:format", min: 0.1, max: 0.1 },
    ]);
  });

  it.each([
    [{ limit: 0 }, "limit"],
    [{ cursor: "x" }, 'found "x"'],
    [{ ranges: { nothing: { min: 1 } } }, "part:NAME"],
    [{ sort: { by: "nothing", order: "ascending" } }, "sort.by"],
    [{ phase: "reasoner" }, "phase"],
  ])("refuses %j", (query, message) => {
    expect(() => reader.episodes(query as never)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining(message) }),
    );
  });
});

/** A replay of its own that holds some events. */
async function replayOf(...events: RunEvent[]): Promise<ReplayReader> {
  const own = await mkdtemp(join(folder, "own-"));
  using writer = ReplayWriter.create(own);
  writer.append(events);
  return ReplayReader.open(own);
}

describe("text", () => {
  it.each([
    ["", null],
    ["? ! *", null],
    ["red", '"red"'],
    ["red circle", '"red" AND "circle"'],
    ['"red circle" blue', '"red circle" AND "blue"'],
    ['"red', '"red"'],
    ["squ*", '"squ"*'],
    ["a AND (b", '"a" AND "AND" AND "(b"'],
  ])("%j becomes %j", (text, wanted) => {
    expect(ftsQuery(text)).toBe(wanted);
  });

  it("finds words, phrases and beginnings in question and answers", async () => {
    const [rollout] = plainEpisode().rollouts;
    const saying = (question: string, text: string) =>
      plainEpisode({ question, rollouts: [{ ...rollout, text } as typeof rollout & object] });
    using own = await replayOf(
      saying("which circle is red ?", "the left one"),
      saying("which square is red ?", "Über alles: l\u2019été"),
      saying("a circle, a square", "nothing \0 \" ' red"),
    );
    const found = (text: string) => own.episodes({ text }).episodes.map(({ id }) => id);
    expect(found("red")).toEqual([3, 2, 1]);
    expect(found("RED circle")).toEqual([3, 1]);
    expect(found('"is red"')).toEqual([2, 1]);
    expect(found("left which")).toEqual([1]);
    expect(found("squ*")).toEqual([3, 2]);
    expect(found("squ")).toEqual([]);
    expect(found("uber")).toEqual([2]);
    expect(found("ete")).toEqual([2]);
    expect(found("?")).toEqual([3, 2, 1]);
    expect(own.count({ text: "circle" })).toBe(2);
  });

  it("finds what was recorded since it was looked for", async () => {
    const own = await mkdtemp(join(folder, "own-"));
    using writer = ReplayWriter.create(own);
    using reading = ReplayReader.open(own);
    const found = (text: string) => reading.episodes({ text }).episodes.map(({ id }) => id);
    expect(found("circle")).toEqual([]);
    writer.append([plainEpisode({ question: "which circle ?" })]);
    expect(found("circle")).toEqual([1]);
    writer.append([plainEpisode({ question: "which circle ?" }), plainEpisode()]);
    expect(found("circle")).toEqual([2, 1]);
    expect(found("circle")).toEqual([2, 1]);
    expect(found("colour")).toEqual([3]);
  });

  it("takes any characters for words and never for syntax", () => {
    const stream = new RandomStream(3);
    const odd = [
      ...`"'*()^:-+{}[]\\;%_~ \n\0éü日`,
      "AND",
      "OR",
      "NOT",
      "NEAR(",
      "question:",
      "red",
      "a*b",
      "--",
    ];
    for (let i = 0; i < 120; i++) {
      const text = Array.from({ length: 1 + stream.integer(8) }, () => stream.pick(odd)).join("");
      expect(() => reader.episodes({ text }), JSON.stringify(text)).not.toThrow();
    }
  });
});
