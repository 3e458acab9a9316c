import { beforeAll, describe, expect, it } from "vitest";
import type { CurriculumQuestion, ReasonerStep, RunEvent } from "../../replay/events.ts";
import { ofType, playIn } from "../fakes/play.ts";
import { makeWorld, smallConfig, type World } from "../fakes/world.ts";

const itemsPerStep = 4;

async function played(items: number): Promise<{ world: World; events: readonly RunEvent[] }> {
  const world = makeWorld();
  const config = smallConfig((change) => {
    change.rounds = 2;
    change.reasoner.imitation.itemsPerStep = items;
  });
  const { events, completed } = await playIn(world, config);
  expect(completed).toBe(true);
  return { world, events };
}

describe("a Reasoner that imitates solutions", () => {
  let world: World;
  let questions: CurriculumQuestion[];
  let steps: ReasonerStep[];
  beforeAll(async () => {
    const { events, ...rest } = await played(itemsPerStep);
    world = rest.world;
    questions = ofType(events, "curriculumEpisode").flatMap((episode) => episode.questions);
    steps = ofType(events, "reasonerStep");
  });

  it("has one for each question that was admitted, an answer that voted for the label", () => {
    const admitted = questions.filter(({ label }) => label !== null);
    expect(admitted.length).toBeGreaterThan(10);
    for (const { label, solution, answers } of admitted)
      expect(answers[solution as number]).toMatchObject({ outcome: "answered", vote: label });
    for (const { label, solution } of questions) expect(solution === null).toBe(label === null);
  });

  it("takes one more step on some of them after each by rewards, at a rate of its own that falls alike", () => {
    const { supervised, updates } = world.policies.reasoner;
    const { imitation, learningRate } = smallConfig().reasoner;
    expect(supervised).toHaveLength(steps.length);
    const texts = new Set(questions.flatMap(({ solution, answers }) => answers[solution ?? -1]?.text ?? []));
    for (const [i, { imitated, update }] of steps.entries()) {
      expect(imitated?.version).toBe((update?.version ?? 0) + 1);
      expect(imitated?.learningRate).toBe(supervised[i]?.options.learningRate);
      const ratio = (imitated?.learningRate ?? 0) / (updates[i]?.options.learningRate ?? 1);
      expect(ratio).toBeCloseTo(imitation.learningRate / learningRate, 6);
      expect(supervised[i]?.examples).toHaveLength(itemsPerStep);
    }
    expect(texts.size).toBeGreaterThan(1);
    const encoded = new Set([...texts].map((text) => world.encode(text).join(" ")));
    for (const { examples } of supervised)
      for (const { completion } of examples) expect(encoded).toContain((completion as Int32Array).join(" "));
  });

  it("samples nothing for that", async () => {
    const without = await played(0);
    expect(without.world.policies.reasoner.supervised).toEqual([]);
    for (const { imitated } of ofType(without.events, "reasonerStep")) expect(imitated).toBeNull();
    const sampled = (steps: readonly ReasonerStep[]) =>
      steps.filter(({ round }) => round === 1).map(({ sampledTokens }) => sampledTokens);
    expect(sampled(steps).length).toBe(3);
    expect(sampled(ofType(without.events, "reasonerStep"))).toEqual(sampled(steps));
  });
});
