import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { syntheticSteps } from "../../bench/synthetic_episodes.ts";
import { RandomStream } from "../../common/random.ts";
import type { EpisodeAnswer } from "../../inspector/answers.ts";
import { figureOf, select } from "../../inspector/select.ts";
import type { EpisodeQuery, Figure } from "../../replay/query.ts";
import { figureColumns } from "../../replay/schema.ts";
import { RandomEvents } from "../replay/events.ts";
import { type WrittenReplay, writeReplay } from "./replays.ts";

let replay: WrittenReplay;
let episodes: EpisodeAnswer[];

/** Episodes as a run plays them, and others of any names and of texts that are hostile to search; some superseded. */
beforeAll(async () => {
  const random = new RandomEvents(21);
  replay = await writeReplay([...syntheticSteps(450)].flat(), random.events(150));
  replay.writer.resume(520);
  replay.writer.append(random.events(150));
  episodes = replay.episodes();
});
afterAll(() => replay[Symbol.asyncDispose]());

const named: readonly Figure[] = ["part:agreement", "part:name 0", "check:blind", "version:name 1"];
const figures: readonly Figure[] = [...(Object.keys(figureColumns) as Figure[]), ...named];

function randomQuery(stream: RandomStream): EpisodeQuery {
  const maybe = <T>(make: () => T, seldom = 4): T | undefined =>
    stream.integer(seldom) === 0 ? make() : undefined;
  const bound = (figure: Figure) =>
    maybe(() => figureOf(stream.pick(episodes).head, figure) ?? stream.uniform(), 2);
  const range = () => {
    const figure = stream.pick(figures);
    return { [figure]: { min: bound(figure), max: bound(figure) } };
  };
  return {
    stages: maybe(() => [stream.pick(["selfPlay", "gym"])]),
    phases: maybe(() => [stream.pick(["questioner", "curriculum", "reasoner", "duel"]), "reasoner"]),
    role: maybe(() => stream.pick(["questioner", "reasoner", "judge"]), 6),
    superseded: maybe(() => stream.pick(["include", "only"] as const), 3),
    ranges: maybe(() => ({ ...range(), ...range() })),
    finishReason: maybe(() => stream.pick(["stop", "length"] as const)),
    image: maybe(() => stream.pick(episodes).head.image.id, 8),
    sort: maybe(
      () => ({
        by: stream.pick(["time", ...figures] as const),
        order: stream.pick(["ascending", "descending"] as const),
      }),
      2,
    ),
  };
}

const texts = [
  "red",
  "red circle",
  '"red circle"',
  "circ*",
  '"the red" squ*',
  "WORD12",
  "word1*",
  "emoji",
  "émoji",
  "日本",
  "NOT",
  "a:b",
  "? ! *",
  '"red',
  "1a0",
];

describe("what a file selects", () => {
  test("is what the replay gives, in its order", () => {
    const stream = new RandomStream(8);
    let found = 0;
    for (let i = 0; i < 250; i++) {
      const query = randomQuery(stream);
      const ids = select(episodes, query).map(({ id }) => id);
      expect(ids, JSON.stringify(query)).toEqual([...replay.reader.order(query)]);
      found += ids.length;
    }
    expect(found).toBeGreaterThan(20_000);
  });

  test.each(texts)("is what the replay finds by the text %j", (text) => {
    for (const superseded of ["exclude", "include"] as const) {
      const ids = select(episodes, { text, superseded }).map(({ id }) => id);
      expect(ids).toEqual([...replay.reader.order({ text, superseded })]);
    }
  });
});
