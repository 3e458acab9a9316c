import stringWidth from "string-width";
import { expect, test } from "vitest";
import { episodeTable } from "../../../inspector/terminal/episode_table.ts";
import { plainEpisode, RandomEvents } from "../../replay/events.ts";
import { writeReplay } from "../replays.ts";

test("figures stand right-aligned with the same digits, the question and its label behind them", async () => {
  await using replay = await writeReplay([
    plainEpisode({ step: 12, question: "which colour ?" }),
    plainEpisode({
      confidence: 1,
      question: "how many objects are there on the left of the tree ?",
      label: "12",
    }),
  ]);
  const heads = replay.reader.episodes().episodes;
  expect(episodeTable(heads, {}, 100)).toBe(
    `episode  phase     round  step  reward  confidence  advantage  tokens  question
      2  reasoner      1     0    0.55        1.00       0.00       3  how many objects are th… → 12
      1  reasoner      1    12    0.55        0.75       0.00       3  which colour ? → red`,
  );
});

test("where there is little room figures give way, but not those that were asked for", async () => {
  await using replay = await writeReplay([plainEpisode()]);
  const heads = replay.reader.episodes().episodes;
  const titles = (table: string) => table.split("\n")[0]?.split(/ {2,}/);
  expect(titles(episodeTable(heads, {}, 60))).toEqual(["episode", "phase", "round", "reward", "question"]);
  const query = {
    sort: { by: "part:agreement", order: "descending" },
    ranges: { length: { min: 1 } },
  } as const;
  expect(titles(episodeTable(heads, query, 80))).toEqual([
    "episode",
    "phase",
    "round",
    "reward",
    "tokens",
    "agreement",
    "question",
  ]);
});

test.each([60, 80, 200])("whatever models wrote, rows are lines of at most %i cells", async (width) => {
  const random = new RandomEvents(3, "selfPlay");
  await using replay = await writeReplay(Array.from({ length: 60 }, () => random.episode()));
  const heads = replay.reader.episodes({ limit: 60, superseded: "include" }).episodes;
  const lines = episodeTable(heads, {}, width).split("\n");
  expect(lines).toHaveLength(61);
  for (const line of lines) {
    expect(stringWidth(line)).toBeLessThanOrEqual(width);
    expect(line).not.toMatch(/\p{Cc}/u);
  }
});
