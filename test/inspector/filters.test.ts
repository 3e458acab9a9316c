import { describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { paramsOf, queryOf, rangeOf, rangeText } from "../../inspector/filters.ts";
import { checkedQuery, type EpisodeQuery } from "../../replay/query.ts";

const figures = ["reward", "length", "part:agreement", "check:blind = 1 & more", "version:judge"] as const;
const texts = ['"red circle" blue*', "a=b&c=d", "50% + ½", "line\nbreak", "\0", "日本 👩‍🚀"];

function randomQuery(stream: RandomStream): EpisodeQuery {
  const maybe = <T>(make: () => T): T | undefined => (stream.integer(2) === 0 ? make() : undefined);
  const number = () => stream.pick([0, -0.25, 1e-7, 1e21, 3, stream.uniform(), -stream.normal()]);
  const range = () => ({ min: maybe(number), max: maybe(number) });
  const ranges = () => Object.fromEntries(figures.flatMap((name) => maybe(() => [[name, range()]]) ?? []));
  return {
    stages: maybe(() => ["selfPlay", "hand, stand '"]),
    phases: maybe(() => ["questioner", "ask, then answer", ","]),
    role: maybe(() => "acrobat & judge"),
    superseded: maybe(() => stream.pick(["include", "only"] as const)),
    finishReason: maybe(() => stream.pick(["stop", "length"] as const)),
    image: maybe(() => "abc123"),
    text: maybe(() => stream.pick(texts)),
    ranges: maybe(ranges),
    sort: maybe(() => ({
      by: stream.pick(["time", ...figures] as const),
      order: stream.pick(["ascending", "descending"] as const),
    })),
    cursor: maybe(() => "0.5:17"),
    limit: maybe(() => 1 + stream.integer(500)),
  };
}

/** Without what restricts nothing. */
const plain = (query: EpisodeQuery) => JSON.parse(JSON.stringify({ ...query, ranges: query.ranges ?? {} }));

describe("filters in an address", () => {
  test("come back as the query that they were written from", () => {
    const stream = new RandomStream(5);
    for (let i = 0; i < 1000; i++) {
      const query = randomQuery(stream);
      const address = new URLSearchParams(String(paramsOf(query)));
      expect(plain(queryOf(address)), String(address)).toEqual(plain(query));
    }
  });

  test.each([
    ["0.2..0.8", { min: 0.2, max: 0.8 }],
    ["..-0.5", { max: -0.5 }],
    ["3..", { min: 3 }],
    ["1", { min: 1, max: 1 }],
    ["..", {}],
    [" 1 .. 2 ", { min: 1, max: 2 }],
    ["1e-7..1e21", { min: 1e-7, max: 1e21 }],
  ])("%j is a range", (text, range) => {
    expect(rangeOf(text)).toEqual(range);
    expect(rangeOf(rangeText(range))).toEqual(range);
  });

  test.each([
    ["reward=much", "ranges.reward"],
    ["reward=1..much", "ranges.reward"],
    ["reward=0..1..2", "ranges.reward"],
    ["nothing=1", "part:NAME"],
    ["sort=-nothing", "sort.by"],
    ["superseded=perhaps", "superseded"],
    ["ended=badly", "finishReason"],
    ["limit=0", "limit"],
    ["limit=many", "limit"],
    ["cursor=here", "cursor"],
  ])("%s is refused by name", (address, message) => {
    expect(() => checkedQuery(queryOf(new URLSearchParams(address)))).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining(message) }),
    );
  });
});
