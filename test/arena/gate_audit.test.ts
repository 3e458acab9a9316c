import { describe, expect, it } from "vitest";
import { auditedEvent, gateAudit, gateCounts, noGateSums, withImage } from "../../arena/gate_audit.ts";
import { noPairs, ratio, ratioOf, withPair } from "../../arena/statistics.ts";
import type { Truth } from "../../arena/truth.ts";
import type { QuestionerEpisode } from "../../replay/events.ts";
import { ofType, playIn } from "../fakes/play.ts";
import { makeWorld, smallConfig } from "../fakes/world.ts";

/** Of every image it is true that there are two; "nonsense" means nothing. */
const truth: Truth = {
  answer: (_, question) => (question === "nonsense" ? null : "2"),
  kind: () => null,
  shows: () => null,
};

/** A question, its silver answer, its reward, and whether it passed the gate. */
type Asked = readonly [
  question: string | null,
  silver: string | null,
  reward: number | null,
  passed: boolean,
];

const image = (...asked: readonly Asked[]): Pick<QuestionerEpisode, "image" | "rollouts"> => ({
  image: { index: 0, name: "0.png", id: "0" },
  rollouts: asked.map(([question, silver, reward, passed]) => ({
    ...{ question, reward, verdict: silver === null ? null : { silver } },
    checks: {
      format: { passed: question !== null, value: 1, threshold: 1 },
      votes: { passed, value: 1, threshold: 1 },
    },
  })) as never,
});

const images = [
  image(["how many ?", "2", 0.5, true], ["how many ?", "3", 0.4, true], ["nonsense", "2", 0.3, true]),
  // Rejected ones are no false accepts, whatever they are, nor what could not be judged.
  image(
    ["how many ?", "3", 0, false],
    ["nonsense", "2", 0, false],
    [null, null, 0, false],
    ["how many ?", null, null, true],
  ),
  image(["how many ?", "2", 0.8, true], ["how many ?", "2", 0, true]),
];

describe("what the gate lets pass", () => {
  const counts = images.map((each) => gateCounts(each, "visplay", truth));

  it("is a false accept if it means nothing, or its silver answer is not the true one", () => {
    expect(
      counts.map(({ rewarded, passed, meaningless, wrong }) => [rewarded, passed, meaningless, wrong]),
    ).toEqual([
      [3, 3, 1, 1],
      [3, 0, 0, 0],
      [2, 2, 0, 0],
    ]);
    const step = gateAudit(counts);
    expect(step).toMatchObject({ passed: 5, meaningless: 1, wrong: 1 });
    // 0.5 and 0.8 of eight questions: the gate would have paid nothing for the others.
    expect(step.auditedReward).toBeCloseTo(1.3 / 8, 12);
  });

  it("comes, over a phase, to shares of what passed and of what was earned", () => {
    const event = auditedEvent(counts.reduce(withImage, noGateSums), 2, "visplay");
    expect(event).toMatchObject({ round: 2, questions: 8, passed: 5, meaningless: 1, wrong: 1 });
    expect(event.falseAccepts?.percent).toBeCloseTo(40, 10);
    expect(event.reward).toBeCloseTo(2 / 8, 12);
    expect(event.auditedReward).toBeCloseTo(1.3 / 8, 12);
    expect(event.unearned?.percent).toBeCloseTo(35, 10);
    expect(event.unearned?.low).toBeGreaterThan(0);
    expect(event.unearned?.high).toBeLessThan(100);
  });

  it("costs nothing in a form of the reward that has no gate", () => {
    const ungated = images.map((each) => gateCounts(each, "visplay_code", truth));
    const { reward, auditedReward, unearned } = auditedEvent(
      ungated.reduce(withImage, noGateSums),
      1,
      "visplay_code",
    );
    expect([auditedReward, unearned]).toEqual([reward, null]);
  });

  it("is nothing where nothing was asked", () => {
    expect(auditedEvent(noGateSums, 1, "visplay")).toMatchObject({
      ...{ questions: 0, passed: 0, falseAccepts: null, reward: null, auditedReward: null, unearned: null },
    });
  });
});

it("a ratio of sums is that of the pairs", () => {
  const [parts, wholes] = [
    [1, 0, 2, 3, 0],
    [4, 1, 2, 8, 3],
  ] as const;
  const sums = parts.reduce((so, part, i) => withPair(so, part, wholes[i] as number), noPairs);
  const [of, by] = [ratioOf(sums), ratio(parts, wholes)];
  for (const key of ["percent", "low", "high"] as const) expect(of[key]).toBeCloseTo(by[key], 10);
});

describe("a run", () => {
  const config = smallConfig((change) => {
    change.rounds = 2;
  });

  it("audits each step of the Questioner, and the phase: both say the same", async () => {
    const { events } = await playIn(makeWorld(), config);
    const audited = ofType(events, "questionerAudited");
    expect(audited.map(({ round }) => round)).toEqual([1, 2]);
    for (const { round, passed, meaningless, wrong, questions, reward, auditedReward } of audited) {
      const steps = ofType(events, "questionerStep").filter((step) => step.round === round);
      const episodes = ofType(events, "questionerEpisode").filter((each) => each.round === round);
      const rollouts = episodes.flatMap((each) =>
        each.rollouts.map((own) => ({ ...own, dots: each.image.index % 10 })),
      );
      const accepted = rollouts.filter(({ checks }) => Object.values(checks).every((check) => check.passed));
      const right = ({ question, dots }: (typeof rollouts)[number]) =>
        String(dots + Number(question?.at(-3)));
      const bad = accepted.filter((each) => each.verdict?.silver !== right(each));
      expect([questions, passed, meaningless, wrong]).toEqual([
        rollouts.length,
        accepted.length,
        0,
        bad.length,
      ]);
      const sum = (name: "passed" | "wrong") => steps.reduce((so, { audit }) => so + (audit?.[name] ?? 0), 0);
      expect([sum("passed"), sum("wrong")]).toEqual([passed, wrong]);
      const lost = bad.reduce((so, each) => so + (each.reward ?? 0), 0);
      expect((reward ?? 0) - (auditedReward ?? 0)).toBeCloseTo(lost / questions, 10);
      const means = steps.map(({ audit }) => audit?.auditedReward ?? 0);
      expect(means.reduce((so, mean) => so + mean, 0) / means.length).toBeCloseTo(auditedReward ?? 0, 10);
    }
    expect(audited.some(({ wrong }) => wrong > 0)).toBe(true);
  });

  it("cannot where nobody knows the truth", async () => {
    const { events } = await playIn({ ...makeWorld(), truth: null }, config);
    expect(ofType(events, "questionerAudited")).toEqual([]);
    expect(ofType(events, "questionerStep").map(({ audit }) => audit)).toEqual(Array(6).fill(null));
  });
});
