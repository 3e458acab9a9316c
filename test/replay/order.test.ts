import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { syntheticSteps } from "../../bench/synthetic_episodes.ts";
import type { EpisodeHead, EpisodeQuery, Figure } from "../../replay/query.ts";
import { type WrittenReplay, writeReplay } from "../inspector/replays.ts";

/** More than columns are stored together of, so that they come both from there and from rows. */
const count = 4300;
let replay: WrittenReplay;
let all: EpisodeHead[];
beforeAll(async () => {
  replay = await writeReplay(...syntheticSteps(count));
  all = replay.reader
    .heads(Array.from({ length: count }, (_, i) => i + 1))
    .map((head) => head as EpisodeHead);
}, 60_000);
afterAll(() => replay[Symbol.asyncDispose]());

const agreed = (head: EpisodeHead) => head.measures["part:agreement"];
const cases: readonly {
  readonly query: EpisodeQuery;
  readonly keeps: (head: EpisodeHead) => boolean;
  readonly key: (head: EpisodeHead) => number;
}[] = [
  { query: {}, keeps: () => true, key: ({ id }) => -id },
  {
    query: { phases: ["reasoner"], sort: { by: "reward", order: "ascending" } },
    keeps: ({ phase }) => phase === "reasoner",
    key: ({ reward }) => reward as number,
  },
  {
    query: { ranges: { "part:agreement": { min: 0.2, max: 0.5 } }, sort: { by: "time", order: "ascending" } },
    keeps: (head) => (agreed(head) ?? -1) >= 0.2 && (agreed(head) ?? 1) <= 0.5,
    key: ({ id }) => id,
  },
  {
    query: { finishReason: "length", sort: { by: "confidence", order: "descending" } },
    keeps: ({ truncated, confidence }) => truncated > 0 && confidence !== null,
    key: ({ confidence }) => -(confidence as number),
  },
];

describe("the order of all episodes", () => {
  test.each(cases)("$query", ({ query, keeps, key }) => {
    const descending = query.sort?.order !== "ascending";
    const wanted = all
      .filter(keeps)
      .sort((a, b) => key(a) - key(b) || (descending ? b.id - a.id : a.id - b.id));
    expect(wanted.length).toBeGreaterThan(100);
    expect([...replay.reader.order(query)]).toEqual(wanted.map(({ id }) => id));
  });

  test("goes on while the run does", () => {
    const before = replay.reader.order().length;
    replay.writer.append([...syntheticSteps(3, 9)].flat());
    expect([...replay.reader.order()].slice(0, 3)).toEqual([before + 3, before + 2, before + 1]);
    replay.writer.resume(count);
    expect(replay.reader.order().length).toBe(count);
    expect(replay.reader.order({ superseded: "only" }).length).toBe(3);
  });
});

test("heads stand in the order that was asked for, and null where there is none", () => {
  const heads = replay.reader.heads([7, 99_999, 3, 7]);
  expect(heads.map((head) => head?.id ?? null)).toEqual([7, null, 3, 7]);
  expect(heads[0]).toEqual(replay.reader.episodes({ sort: { by: "time", order: "ascending" } }).episodes[6]);
});

describe("a histogram", () => {
  test.each<[Figure, EpisodeQuery]>([
    ["reward", { phases: ["reasoner"] }],
    ["confidence", { phases: ["questioner", "curriculum"] }],
    ["part:penalty", {}],
    ["length", { ranges: { step: { max: 5 } } }],
    ["truncated", {}],
  ])("counts every episode that has %s once, in its bin", (figure, query) => {
    const bins = 7;
    const heads = replay.reader.heads([...replay.reader.order(query)]).map((head) => head as EpisodeHead);
    const valued = heads.flatMap((head) => {
      const value = figure.includes(":") ? head.measures[figure] : head[figure as "reward"];
      return value === undefined || value === null ? [] : [{ round: head.round, value }];
    });
    const values = valued.map(({ value }) => value);
    const [min, max] = [Math.min(...values), Math.max(...values)];
    const histogram = replay.reader.histogram(figure, query, bins);
    expect(histogram).toMatchObject({ min, max });
    for (const { round, counts } of histogram?.rounds ?? []) {
      const wanted = Array.from({ length: bins }, (_, bin) => {
        const [low, high] = [bin, bin + 1].map((edge) => min + (edge * (max - min)) / bins) as [
          number,
          number,
        ];
        const isLast = bin === bins - 1;
        const within = (value: number) => value >= low && (value < high || (isLast && value <= max));
        return valued.filter((each) => each.round === round && within(each.value)).length;
      });
      expect(counts, `round ${round}`).toEqual(wanted);
    }
    const total = (histogram?.rounds ?? []).flatMap(({ counts }) => counts).reduce((sum, n) => sum + n, 0);
    expect(total).toBe(valued.length);
  });

  test("is none where no episode has the figure", () => {
    expect(replay.reader.histogram("part:nothing")).toBeNull();
    expect(replay.reader.histogram("reward", { phases: ["curriculum"] })).toBeNull();
  });
});
