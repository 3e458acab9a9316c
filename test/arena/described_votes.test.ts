import { expect, test } from "vitest";
import type { CurriculumQuestion } from "../../replay/events.ts";
import { ofType, playIn } from "../fakes/play.ts";
import type { Script } from "../fakes/policy.ts";
import { makeWorld, smallConfig, type World } from "../fakes/world.ts";

/** Two of four descriptions name another thing than all others; what is said to be there in most of them is right. */
const noises = ["1 dog", "2 cats", "none", "none"];

/**
 * Describes pictures of even name as they are and others wrongly, with one thing more in some descriptions; answers 3 with
 * the picture, else what was described.
 */
const script: Script = ({ image, text }, stream) => {
  if (!image) return `<think> so </think> <answer> ${text.split(" ")[0]} </answer>`;
  const seen = /^image-\d*[02468](-|$)/.test(image.id) ? 3 : 5;
  return text === "describe"
    ? `<think> ${seen} things of ${stream.pick(noises)} </think> <answer> done </answer>`
    : "<think> looked </think> <answer> 3 </answer>";
};

async function played(
  use: "none" | "weighs" | "required",
): Promise<{ world: World; questions: (CurriculumQuestion & { even: boolean })[] }> {
  const config = smallConfig((change) => {
    change.curriculum.views = 2;
    change.curriculum.evidence = { use, descriptionsPerView: 3, answersPerQuestion: 4 };
    change.reasoner.stepsPerRound = 2;
    change.reasoner.imitation = { itemsPerStep: 4, descriptionsPerStep: 4, learningRate: 1e-4 };
  });
  const world = makeWorld({ reasoner: { script } });
  const { events, error } = await playIn(world, config);
  expect(error).toBeUndefined();
  const episodes = ofType(events, "curriculumEpisode");
  const questions = episodes.flatMap(({ image, questions }) =>
    questions
      .filter(({ question }) => question !== null)
      .map((each) => ({ ...each, even: image.index % 2 === 0 })),
  );
  return { world, questions };
}

test("votes from descriptions are asked for where they are to count only", async () => {
  const { questions } = await played("none");
  for (const { described, verdict } of questions) {
    expect(described).toBeNull();
    if (verdict) expect(verdict).toMatchObject({ silver: "3", samples: 4 });
  }
});

test("where both ways have to agree, what descriptions contradict is rejected", async () => {
  const answered = (await played("required")).questions.filter(({ verdict }) => verdict !== null);
  expect(new Set(answered.map(({ even }) => even)).size).toBe(2);
  for (const { even, described, verdict, rejection } of answered) {
    expect(described?.verdict).toMatchObject({ silver: even ? "3" : "5", samples: 4, confidence: 1 });
    expect(verdict).toMatchObject({ silver: "3", samples: 4, confidence: 1 });
    expect(rejection).toBe(even ? null : "contradicted");
  }
});

test("of all views' descriptions the one that most are like is read", async () => {
  const answered = (await played("required")).questions.filter(({ verdict }) => verdict !== null);
  for (const { described, even } of answered) {
    const said = described?.descriptions ?? [];
    expect(said).toHaveLength(6);
    const counts = noises.map((noise) => said.filter((each) => each.endsWith(`of ${noise}`)).length);
    const most = Math.max(...counts.slice(0, 2), counts[2] as number);
    const chosen = said.filter(
      (each) => described?.description === `<think> ${each} </think> <answer> done </answer>`,
    );
    expect(chosen.length).toBe(most);
    expect(chosen[0]).toMatch(even ? /^3 / : /^5 /);
  }
});

test("where they weigh, they count in the confidence as the others do", async () => {
  const answered = (await played("weighs")).questions.filter(({ verdict }) => verdict !== null);
  for (const { even, verdict, rejection } of answered) {
    expect(verdict).toMatchObject({ silver: "3", samples: 8, confidence: even ? 1 : 0.5 });
    expect(rejection).toBe(even ? null : "belowBand");
  }
});

test("what led to the label is imitated: the description, and the answer that was read from it", async () => {
  const { world, questions } = await played("required");
  for (const { label, solution, described } of questions) {
    if (label === null) continue;
    expect(solution).toBeNull();
    expect(described?.solution).toBe("<think> so </think> <answer> 3 </answer>");
  }
  const descriptions = new Set(
    questions.flatMap(({ label, described }) => (label === null ? [] : (described?.description ?? []))),
  );
  const encoded = new Set([...descriptions].map((text) => world.encode(text).join(" ")));
  const answer = world.encode("<think> so </think> <answer> 3 </answer>").join(" ");
  expect(world.policies.reasoner.supervised.length).toBeGreaterThan(0);
  for (const { examples } of world.policies.reasoner.supervised) {
    const said = examples.map(({ completion }) => (completion as Int32Array).join(" "));
    expect(said.slice(0, 4)).toEqual(new Array(4).fill(answer));
    expect(said).toHaveLength(8);
    for (const each of said.slice(4)) expect(encoded).toContain(each);
  }
});

test("a question to whose answer no description leads is gated out of the Questioner's reward", async () => {
  const config = smallConfig((change) => {
    change.curriculum.evidence.descriptionsPerView = 2;
    change.questioner.reward.followsFromDescription = true;
    change.questioner.reward.minConfidence = 0;
  });
  const { events } = await playIn(makeWorld({ reasoner: { script } }), config);
  const rollouts = ofType(events, "questionerEpisode").flatMap(({ image, rollouts }) =>
    rollouts
      .filter(({ verdict }) => verdict !== null)
      .map((each) => ({ ...each, even: image.index % 2 === 0 })),
  );
  expect(new Set(rollouts.map(({ even }) => even)).size).toBe(2);
  for (const { even, checks, parts } of rollouts) {
    expect(checks.described).toEqual({ passed: even, value: Number(even), threshold: 1 });
    const others = Object.entries(checks).every(([name, { passed }]) => name === "described" || passed);
    expect(parts.gate).toBe(Number(even && others));
  }
});
