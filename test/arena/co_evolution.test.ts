import { describe, expect, it } from "vitest";
import { withSampled } from "../../arena/co_evolution_sample.ts";
import type { RunConfig } from "../../arena/config/config.ts";
import { RandomStream } from "../../common/random.ts";
import type { CoEvolution, CurriculumEpisode, VerdictRecord } from "../../replay/events.ts";
import { ofType, playIn } from "../fakes/play.ts";
import { makeWorld, reasonerScript, smallConfig } from "../fakes/world.ts";

const config = (change: Parameters<typeof smallConfig>[0] = () => {}): RunConfig =>
  smallConfig((own) => {
    own.rounds = 2;
    own.coEvolution = { questions: 12, answers: 16 };
    own.questioner.train = false;
    own.curriculum.dropDuplicates = false;
    change(own);
  });

/** A stream that only ever draws what makes the Reasoner count well. */
const lucky = new (class extends RandomStream {
  override integer(): number {
    return 9;
  }
})(0);

/** A Reasoner that counts well once it has learnt, of whom the base keeps what it was. */
const learning = () =>
  makeWorld({
    reasoner: {
      script: (asked, stream, version) => reasonerScript(asked, version === 0 ? stream : lucky, version),
    },
  });

async function askedIn(world = learning(), own = config()): Promise<CoEvolution[]> {
  const { events, error } = await playIn(world, own);
  expect(error).toBeUndefined();
  return ofType(events, "coEvolution");
}

describe("the base's answers to a round's questions", () => {
  it("stay what they were however much the Reasoner learns", async () => {
    const rounds = await askedIn();
    expect(rounds.map(({ round }) => round)).toEqual([1, 2]);
    for (const { answers, base, reasoner } of rounds) {
      expect([answers, base.questions, base.judged, reasoner.questions]).toEqual([16, 12, 12, 12]);
      // It says nothing in one of ten answers, and is wrong in three.
      expect(base.accuracy?.percent).toBeGreaterThan(50);
      expect(base.accuracy?.percent).toBeLessThan(70);
      expect(base.accuracy?.low).toBeLessThan(base.accuracy?.percent ?? 0);
      expect(base.majority?.percent).toBeGreaterThan(90);
    }
    const [first, second] = rounds.map(({ reasoner }) => reasoner.accuracy?.percent);
    expect(first).toBeLessThan(80);
    expect(second).toBe(100);
  });

  it("are given to the same questions for the same seed, and to others for another", async () => {
    const once = await askedIn();
    expect(await askedIn()).toEqual(once);
    const other = await askedIn(
      learning(),
      config((own) => {
        own.seed = 1;
      }),
    );
    expect(other.map(({ base }) => base)).not.toEqual(once.map(({ base }) => base));
  });

  it("are by kinds of questions, which together are all of them", async () => {
    for (const { base, kinds } of await askedIn()) {
      const parts = Object.values(kinds);
      expect(parts.length).toBeGreaterThan(1);
      expect(parts.reduce((sum, { questions }) => sum + questions, 0)).toBe(base.questions);
      const right = parts.reduce(
        (sum, { questions, accuracy }) => sum + questions * (accuracy?.percent ?? 0),
        0,
      );
      expect(right / base.questions).toBeCloseTo(base.accuracy?.percent ?? 0, 8);
    }
  });

  it("change nothing that is learnt, and none are given where none are wanted", async () => {
    const [asked, unasked] = [learning(), learning()];
    await askedIn(asked);
    const none = config((own) => {
      own.coEvolution.questions = 0;
    });
    expect(await askedIn(unasked, none)).toEqual([]);
    expect(asked.policies.reasoner.learned).toEqual(unasked.policies.reasoner.learned);
  });

  it("are no more or less right where nobody knows the truth, and as sure", async () => {
    const [known] = await askedIn(learning());
    const [unknown] = await askedIn({ ...learning(), truth: null });
    expect(unknown?.base).toEqual({ ...known?.base, judged: null, accuracy: null, majority: null });
    expect(unknown?.kinds).toEqual({});
  });

  it("leave out questions whose picture cannot be had any more", async () => {
    const world = makeWorld({ broken: (index) => index % 3 === 0 && world.images.loaded.length > 12 });
    const { events } = await playIn(world, config());
    const [first] = ofType(events, "coEvolution");
    expect(first?.base.questions).toBeLessThan(12);
    const lost = ofType(events.slice(0, events.indexOf(first as never)), "rolloutFailed");
    expect(lost.some(({ phase, during }) => phase === "curriculum" && during === "load")).toBe(true);
  });
});

const verdict: VerdictRecord = {
  ...{ silver: "2", confidence: 1, votes: [], abstentions: 0, parseFailures: 0, samples: 8, verified: null },
};

/** What one image was asked. */
function episode(index: number, count: number): CurriculumEpisode {
  const questions = Array.from({ length: count }, (_, i) => ({ question: `question ${i}`, verdict }));
  const place = { type: "curriculumEpisode", round: 1, phase: "curriculum", step: 0, role: "questioner" };
  return { ...place, image: { index, name: `${index}.png`, id: `${index}` }, questions } as never;
}

describe("the sample of a round's questions", () => {
  const some = { seed: 5, coEvolution: { questions: 30, answers: 8 } };
  const sampleOf = (episodes: readonly CurriculumEpisode[]) =>
    episodes.reduce((sample, each) => withSampled(sample, each, some), [] as ReturnType<typeof withSampled>);

  it("does not depend on the order in which they were asked", () => {
    const episodes = Array.from({ length: 40 }, (_, i) => episode(i, 3));
    expect(sampleOf([...episodes].reverse())).toEqual(sampleOf(episodes));
    expect(sampleOf(episodes)).toHaveLength(30);
  });

  it("takes every question as often as any other", () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 2000; seed++) {
      const own = { seed, coEvolution: { questions: 2, answers: 8 } };
      const sample = [episode(0, 3), episode(7, 1)].reduce(
        (so, each) => withSampled(so, each, own),
        [] as ReturnType<typeof withSampled>,
      );
      for (const { image, question } of sample) {
        const name = `${image.index} ${question}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    }
    // Two of four, 2,000 times: 1,000 of each, with a standard deviation of 22.
    expect(counts.size).toBe(4);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(100);
  });
});
