import { describe, expect, test } from "vitest";
import { groupBy } from "../../common/group_by.ts";
import { RandomStream } from "../../common/random.ts";
import { driftOf } from "../../inspector/drift.ts";
import { type QuestionerEpisode, REPLAY_VERSION, type RunEvent } from "../../replay/events.ts";
import { SELF_PLAY } from "../../replay/self_play.ts";
import { writeReplay } from "./replays.ts";

interface Asked {
  readonly text: string | null;
  readonly confidence?: number;
  readonly reward?: number;
  readonly tokens?: number;
}

/** An episode of the Questioner with these questions. */
function asking(round: number, questions: readonly Asked[]): RunEvent & QuestionerEpisode {
  const verdict = { silver: "yes", votes: [], abstentions: 0, parseFailures: 0, samples: 4, verified: null };
  return {
    type: "questionerEpisode",
    version: REPLAY_VERSION,
    atMs: 0,
    stage: SELF_PLAY,
    phase: "questioner",
    role: "questioner",
    round,
    step: 0,
    image: { index: 0, name: "0.png", id: "image-0" },
    prompt: "ask",
    versions: {},
    rollouts: questions.map(({ text, confidence = 0.5, reward = 0.5, tokens = 3 }) => ({
      completion: {
        tokens: Array.from({ length: tokens }, () => 1),
        logProbs: Array.from({ length: tokens }, () => -1),
        text: text ?? "…",
        finishReason: "stop",
      },
      question: text,
      failure: text === null ? "no question" : null,
      ownAnswer: null,
      answers: [],
      blindAnswers: [],
      verdict: text === null ? null : { ...verdict, confidence },
      checks: {},
      parts: {},
      reward,
      advantage: 0,
      referenceLogProbs: null,
    })),
  };
}

const circle = (size: string): string => `What colour is the ${size} circle on the left ?`;
const count = (what: string): string => `How many ${what} are there in the picture ?`;

describe("planted clusters", () => {
  const first = [
    { text: circle("large"), confidence: 0.2, reward: 0.1 },
    { text: circle("large"), confidence: 0.4, reward: 0.3 },
    { text: circle("small"), confidence: 0.6, reward: 0.5, tokens: 6 },
    { text: count("stars"), confidence: 1, reward: 0 },
    { text: null, reward: 0 },
  ];
  const second = [
    { text: count("stars"), confidence: 0.8, reward: 0.4 },
    { text: count("stars"), confidence: 0.6, reward: 0.8 },
    { text: count("rings"), confidence: 0.4, reward: 0.6 },
    { text: "Is anything hidden ?", confidence: 0.5, reward: 1 },
  ];
  const planted = () =>
    writeReplay([asking(1, first.slice(0, 2)), asking(1, first.slice(2)), asking(2, second)]);

  test("are found, with their shares, confidence and reward by round", async () => {
    await using replay = await planted();
    const { clusters } = driftOf(replay.reader, "look");
    const about = (value: number) => expect.closeTo(value, 12);
    expect(clusters.map(({ name, questions, rounds }) => ({ name, questions, rounds }))).toEqual([
      {
        name: count("stars"),
        questions: 4,
        rounds: [
          { round: 1, share: 0.25, confidence: 1, reward: 0 },
          { round: 2, share: 0.75, confidence: about(0.6), reward: about(0.6) },
        ],
      },
      {
        name: circle("large"),
        questions: 3,
        rounds: [{ round: 1, share: 0.75, confidence: about(0.4), reward: about(0.3) }],
      },
      {
        name: "Is anything hidden ?",
        questions: 1,
        rounds: [{ round: 2, share: 0.25, confidence: 0.5, reward: 1 }],
      },
    ]);
    const examples = clusters[1]?.examples.map(({ episode, rollout, question }) => [
      episode,
      rollout,
      question,
    ]);
    expect(examples).toEqual([
      [1, 0, circle("large")],
      [1, 1, circle("large")],
      [2, 0, circle("small")],
    ]);
  });

  test("stand beside figures of each round: how different its questions are, how long, and how they begin", async () => {
    await using replay = await planted();
    const { rounds, sampled, of } = driftOf(replay.reader, "look");
    expect([sampled, of]).toEqual([3, 3]);
    expect(rounds).toMatchObject([
      {
        round: 1,
        questions: 4,
        distinct: 3 / 4,
        // 9 words three times and 8 once; the second circle adds one, the stars five that are new: is not, the is known.
        distinct1: (8 + 1 + 7) / (3 * 9 + 8),
        distinct2: (8 + 2 + 7) / (3 * 8 + 7),
        length: (3 + 3 + 6 + 3 + 3) / 5,
        beginnings: [
          { text: "what colour is", share: 0.75 },
          { text: "how many stars", share: 0.25 },
        ],
      },
      {
        round: 2,
        questions: 4,
        distinct: 3 / 4,
        beginnings: [
          { text: "how many stars", share: 0.5 },
          { text: "how many rings", share: 0.25 },
          { text: "is anything hidden", share: 0.25 },
        ],
      },
    ]);
  });

  test("leave out what a resume has superseded", async () => {
    await using replay = await planted();
    replay.writer.resume(2);
    replay.writer.append([asking(2, [{ text: circle("small") }])]);
    const { clusters, of } = driftOf(replay.reader, "look");
    expect(of).toBe(3);
    expect(clusters.map(({ name, questions }) => [name, questions])).toEqual([
      [circle("large"), 4],
      [count("stars"), 1],
    ]);
  });
});

test("every question is with the likest of the commoner questions, if more than half of both is the same", async () => {
  const stream = new RandomStream(11);
  const words = ["is", "the", "red", "blue", "ring", "star", "left", "of", "near", "what", "how"];
  const texts = Array.from({ length: 400 }, () =>
    Array.from({ length: 3 + stream.integer(5) }, () => words[stream.integer(words.length)]).join(" "),
  );
  // Each so often that no two are equally common.
  const asked = [...new Set(texts)]
    .slice(0, 60)
    .flatMap((text, i) => Array.from({ length: 60 - i }, () => ({ text })));
  await using replay = await writeReplay([asking(1, stream.shuffle(asked))]);
  const { clusters } = driftOf(replay.reader, "look");
  const found = Object.fromEntries(clusters.map(({ name, questions }) => [name, questions]));
  const leaders = leadersByHand([...new Set(asked.map(({ text }) => text))]);
  const sizes = [...groupBy(asked, ({ text }) => leaders.get(text) as string)].map(([name, own]) => [
    name,
    own.length,
  ]);
  expect(Object.keys(found).length).toBeLessThan(60);
  expect(found).toEqual(Object.fromEntries(sizes));
});

/** The definition, one pair after the other. */
function leadersByHand(texts: readonly string[]): Map<string, string> {
  const gramsOf = (text: string) => {
    const own = text.split(" ");
    return new Set([...own, ...own.slice(1).map((word, i) => `${own[i]} ${word}`)]);
  };
  const likeness = (a: string, b: string) => {
    const [left, right] = [gramsOf(a), gramsOf(b)];
    const common = [...left].filter((gram) => right.has(gram)).length;
    return common / (left.size + right.size - common);
  };
  const leaders = new Map<string, string>();
  for (const text of texts) {
    const known = [...new Set(leaders.values())].map((name) => ({ name, likeness: likeness(text, name) }));
    const best = known.filter((each) => each.likeness > 0.5).sort((a, b) => b.likeness - a.likeness)[0];
    leaders.set(text, best?.name ?? text);
  }
  return leaders;
}
