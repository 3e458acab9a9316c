import { expect, test } from "vitest";
import type { CurriculumQuestion } from "../../replay/events.ts";
import { ofType, playIn } from "../fakes/play.ts";
import type { Script } from "../fakes/policy.ts";
import { makeWorld, smallConfig } from "../fakes/world.ts";

/** Describes pictures of even length of name as they are and others wrongly; answers 3 with the picture, else what was described. */
const script: Script = ({ image, text }) => {
  if (!image) return `<answer> ${text.split(" ")[0]} </answer>`;
  const seen = /^image-\d*[02468](-|$)/.test(image.id) ? 3 : 5;
  return text === "describe" ? `<think> ${seen} </think> <answer> done </answer>` : "<answer> 3 </answer>";
};

async function asked(
  use: "none" | "weighs" | "required",
): Promise<(CurriculumQuestion & { even: boolean })[]> {
  const config = smallConfig((change) => {
    change.curriculum.views = 2;
    change.curriculum.evidence = { use, answersPerQuestion: 4 };
    change.reasoner.stepsPerRound = 1;
  });
  const { events, error } = await playIn(makeWorld({ reasoner: { script } }), config);
  expect(error).toBeUndefined();
  const episodes = ofType(events, "curriculumEpisode");
  return episodes.flatMap(({ image, questions }) =>
    questions
      .filter(({ question }) => question !== null)
      .map((each) => ({ ...each, even: image.index % 2 === 0 })),
  );
}

test("votes from descriptions are not asked for by default", async () => {
  for (const { described, verdict } of await asked("none")) {
    expect(described).toBeNull();
    if (verdict) expect(verdict).toMatchObject({ silver: "3", samples: 4 });
  }
});

test("where both ways have to agree, what descriptions contradict is rejected", async () => {
  const answered = (await asked("required")).filter(({ verdict }) => verdict !== null);
  expect(new Set(answered.map(({ even }) => even)).size).toBe(2);
  for (const { even, described, verdict, rejection } of answered) {
    expect(described).toMatchObject({ descriptions: even ? ["3", "3"] : ["5", "5"] });
    expect(described?.verdict).toMatchObject({ silver: even ? "3" : "5", samples: 4, confidence: 1 });
    expect(verdict).toMatchObject({ silver: "3", samples: 4, confidence: 1 });
    expect(rejection).toBe(even ? null : "contradicted");
  }
});

test("where they weigh, they count in the confidence as the others do", async () => {
  const answered = (await asked("weighs")).filter(({ verdict }) => verdict !== null);
  for (const { even, verdict, rejection } of answered) {
    expect(verdict).toMatchObject({ silver: "3", samples: 8, confidence: even ? 1 : 0.5 });
    expect(rejection).toBe(even ? null : "belowBand");
  }
});
