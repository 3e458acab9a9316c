import { describe, expect, it } from "vitest";
import { admit, repeats } from "../../arena/admission.ts";
import {
  builtEvent,
  type CurriculumState,
  emptyCurriculum,
  emptyEvent,
  itemCount,
  withEpisode,
} from "../../arena/curriculum.ts";
import type { Truth } from "../../arena/truth.ts";
import type { CurriculumEpisode, Rejection, VerdictRecord } from "../../replay/events.ts";
import { configOf } from "../fakes/config.ts";

const band = { low: 0.3, high: 0.8 };
const { gate } = configOf().curriculum;
const verdict = (silver: string | null, confidence: number): VerdictRecord => {
  return { silver, confidence, votes: [], abstentions: 0, parseFailures: 0, samples: 8, verified: null };
};

describe("admit", () => {
  it.each([
    [verdict("2", 0.5), true, null],
    [verdict("2", 0.3), true, null],
    [verdict("2", 0.8), true, null],
    [verdict("2", 0.25), true, "belowBand"],
    [verdict("2", 0.9), true, "aboveBand"],
    [verdict(null, 0), true, "noVotes"],
    [verdict("unanswerable", 0.5), true, null],
    [verdict("unanswerable", 0.5), false, "unanswerable"],
  ])("%j, keepUnanswerable %s: %s", (given, keepUnanswerable, rejection) => {
    const label = rejection === null ? given.silver : null;
    expect(admit(given, { band, keepUnanswerable, gate })).toEqual({ rejection, label });
  });

  const everything = { band: { low: 0, high: 1 }, keepUnanswerable: true, gate };
  const outOf8 = (parseFailures: number, abstentions: number, silver = "2"): VerdictRecord => {
    return { ...verdict(silver, 1), parseFailures, abstentions };
  };

  it.each([
    ["seven unparsed answers and one at random", outOf8(7, 0), null, "fewParsed"],
    ["half of the answers parsed", outOf8(4, 0), null, null],
    ["less than half", outOf8(5, 0), null, "fewParsed"],
    ["a quarter of abstentions", outOf8(0, 2), null, null],
    ["more", outOf8(0, 3), null, "abstained"],
    ["many abstentions, which are the label", outOf8(0, 6, "unanswerable"), 1, null],
    ["blind answers that agree half the time", outOf8(0, 0), 0.5, null],
    ["that agree more often", outOf8(0, 0), 0.75, "blind"],
  ])("%s", (_, given, blindAgreement, rejection) => {
    const blind = blindAgreement === null ? null : { agreement: blindAgreement, evidence: 0 };
    expect(admit(given, everything, blind).rejection).toBe(rejection);
  });

  it("may ask that the image makes the majority surer, unless that is that nothing can be said", () => {
    const asking = { ...everything, gate: { ...gate, minEvidence: 0.5 } };
    const judged = (evidence: number, silver = "2") =>
      admit(outOf8(0, 0, silver), asking, { agreement: 0, evidence }).rejection;
    expect([judged(0.5), judged(0.4), judged(-1)]).toEqual([null, "noEvidence", "noEvidence"]);
    expect(judged(0, "unanswerable")).toBeNull();
    expect(admit(outOf8(0, 0), everything, { agreement: 0, evidence: -1 }).rejection).toBeNull();
  });

  it("asks for votes however large their share", () => {
    const single = { ...verdict("2", 1), samples: 1 };
    expect(admit(single, everything)).toEqual({ rejection: "fewVotes", label: null });
    expect(admit(single, { ...everything, gate: { ...gate, minVotes: 1 } }).label).toBe("2");
  });
});

it("repeats are later questions with the same words", () => {
  expect(repeats(["How many?", "What?", null], ["WHAT?", "Where?"])).toEqual([false, true, false]);
  expect(repeats(["How many?", null, "how many?", "What?", null])).toEqual([
    false,
    false,
    true,
    false,
    false,
  ]);
});

/** An episode about image 3 whose questions are given by silver answer, confidence and rejection. */
function episode(...questions: [string | null, number, Rejection | null][]): CurriculumEpisode {
  const completion = { tokens: [], logProbs: [], text: "", finishReason: "stop" } as const;
  return {
    type: "curriculumEpisode",
    round: 1,
    phase: "curriculum",
    step: 0,
    role: "questioner",
    image: { index: 3, name: "3.png", id: "3" },
    prompt: "ask",
    versions: { questioner: 0, reasoner: 0 },
    questions: questions.map(([silver, confidence, rejection], i) => ({
      completion,
      question: rejection === "malformed" ? null : `question ${i}`,
      failure: null,
      ownAnswer: null,
      answers: [],
      described: null,
      solution: null,
      blindAnswers: [],
      verdict: rejection === "malformed" ? null : verdict(silver, confidence),
      rejection,
      label: rejection === null ? silver : null,
    })),
  };
}

/** A curriculum of some episodes. */
function grown(truth: Truth | null, ...episodes: readonly CurriculumEpisode[]): CurriculumState {
  return episodes.reduce((state, each) => withEpisode(state, each, truth), emptyCurriculum);
}

describe("a curriculum", () => {
  it("keeps what was admitted, and counts the rest by reason and confidence", () => {
    const curriculum = grown(
      null,
      episode(["2", 0.5, null], ["2", 1, "aboveBand"], [null, 0, "malformed"]),
      episode(["no", 0.55, null], ["no", 0.1, "belowBand"]),
    );
    expect(itemCount(curriculum)).toBe(2);
    expect(builtEvent(curriculum, 1, false)).toMatchObject({
      images: 2,
      questions: 5,
      admitted: 2,
      rejected: { aboveBand: 1, malformed: 1, belowBand: 1 },
      confidences: [0, 1, 0, 0, 0, 2, 0, 0, 0, 1],
      audit: null,
    });
  });

  it("audits itself where the truth is known", () => {
    const truth: Truth = {
      answer: (_, question) => (question === "question 2" ? null : "2"),
      kind: (question) => (question === "question 2" ? null : question === "question 0" ? "first" : "later"),
      shows: () => null,
    };
    const curriculum = grown(
      truth,
      episode(["2", 0.5, null], ["5", 0.7, null], ["2", 0.7, null], ["2", 1, "aboveBand"]),
    );
    const { audit } = builtEvent(curriculum, 1, true);
    expect(audit?.meaningful).toBe(0.75);
    expect(audit?.silverCorrect).toBeCloseTo(1 / 3);
    expect(audit?.kinds).toEqual({ first: { asked: 1, admitted: 1 }, later: { asked: 2, admitted: 1 } });
    expect(audit?.silverCorrectByConfidence.slice(4, 9)).toEqual([null, 1, null, 0, null]);
  });

  it.each([
    [
      episode(["2", 0.1, "belowBand"], ["2", 0.2, "belowBand"]),
      "found 2 belowBand",
      "lower curriculum.band.low",
    ],
    [
      episode([null, 0, "malformed"], ["2", 1, "aboveBand"], [null, 0, "malformed"]),
      "1 aboveBand",
      "change prompts.questioner",
    ],
  ])("says why nothing was admitted and which setting to change", (given, found, remedy) => {
    const { message, consecutive } = emptyEvent(grown(null, given), 2, 1, { band } as never);
    expect(consecutive).toBe(1);
    expect(message).toContain(found);
    expect(message).toContain("expected confidences from 0.3 to 0.8");
    expect(message).toContain(remedy);
  });
});
