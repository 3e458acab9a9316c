import { describe, expect, it } from "vitest";
import type { EnvironmentStage } from "../../arena/config/stages.ts";
import { weigh } from "../../rewards/parts.ts";
import { configOf } from "../fakes/config.ts";
import { guessing } from "../fakes/guessing.ts";
import { ofType } from "../fakes/play.ts";
import { evaluatedWorld, fivefold, guess, played } from "../fakes/stages.ts";
import { smallConfig } from "../fakes/world.ts";

describe("a stage in an environment", () => {
  const acted = async () => {
    const { world, events, error } = await played(fivefold);
    expect(error).toBe(undefined);
    const own = events.filter(({ stage }) => stage === "environment");
    const episodes = ofType(own, "reasonerEpisode");
    return { world, own, episodes, steps: ofType(own, "reasonerStep") };
  };

  it("goes on turn by turn, and records what was observed between them", async () => {
    const { episodes } = await acted();
    const rollouts = episodes.flatMap((episode) =>
      episode.rollouts.map((rollout) => ({ episode, ...rollout })),
    );
    expect(new Set(rollouts.map(({ trajectory }) => trajectory?.turns.length))).toEqual(new Set([1, 2, 3]));
    for (const { episode, tokens, text, trajectory } of rollouts) {
      const said = text.split("\n");
      expect(trajectory?.turns.map((turn) => turn.text)).toEqual(said);
      const lengths = said.map((each) => each.split(" ").length);
      const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, length) => sum + length, 0));
      expect(tokens.length).toBe(ends.at(-1));
      expect(trajectory?.observations.map(({ after }) => after)).toEqual(ends.slice(0, -1));
      for (const { turns } of trajectory?.observations ?? [])
        expect(turns).toEqual([
          { role: "tool", parts: ["no, and now: ", { image: expect.any(String) }, expect.any(String)] },
        ]);
      expect(episode.image.name).toBe(`dots ${episode.image.index}`);
      expect(episode.turns).toBe(null);
    }
  });

  it("rewards the sums of the parts of all turns, by their weights", async () => {
    const { episodes } = await acted();
    const rollouts = episodes.flatMap((episode) => episode.rollouts);
    for (const { parts, reward, trajectory } of rollouts) {
      if (trajectory?.fault) continue;
      const turns = trajectory?.turns ?? [];
      const { correctness = 0, tries = 0 } = parts;
      expect(correctness).toBeCloseTo(
        turns.reduce((sum, { parts: earned }) => sum + (earned.correctness ?? 0), 0),
        12,
      );
      expect(tries).toBeCloseTo(-0.01 * turns.length, 12);
      expect(reward).toBeCloseTo(0.9 * correctness + 2 * tries, 12);
    }
    expect(new Set(rollouts.map(({ parts }) => parts.correctness)).size).toBeGreaterThan(2);
  });

  it("learns from what was said alone, and from no trajectory that a fault spoiled", async () => {
    const { world, episodes, own, steps } = await acted();
    const broken = ofType(own, "rolloutFailed");
    expect(new Set(broken.map(({ image, reason }) => `${image.name}: ${reason}`))).toEqual(
      new Set(["guessing, task 3: no such dots"]),
    );
    const faults = episodes.flatMap(({ image, rollouts }) =>
      rollouts.flatMap((each) => (each.trajectory?.fault ? { index: image.index, ...each } : [])),
    );
    expect(faults.length).toBeGreaterThan(0);
    for (const { index, reward, advantage, parts, trajectory } of faults) {
      expect([index, reward, advantage, parts]).toEqual([4, null, 0, {}]);
      expect(trajectory).toMatchObject({ end: "fault", fault: { kind: "late", reason: /1 s/ } });
    }
    const counted = steps.reduce((sum, { trajectories }) => sum + (trajectories?.faults.late ?? 0), 0);
    expect(counted).toBe(faults.length);
    const endless = episodes.filter(({ image }) => image.index === 5).flatMap(({ rollouts }) => rollouts);
    expect(endless.length).toBeGreaterThan(0);
    expect(endless.every(({ trajectory }) => trajectory?.end === "turns")).toBe(true);
    const updates = world.policies.reasoner.updates.slice(
      ofType(world.log.events, "reasonerStep").filter(({ stage, update }) => stage === "grpo" && update)
        .length,
    );
    const { groups, options } = updates[0] as (typeof updates)[number];
    expect(options.maxTokens).toBe(3 * guess.maxTokens);
    for (const { rollouts } of groups)
      for (const { completion } of rollouts) {
        const { tokens, logProbs, observations = [] } = completion;
        expect(logProbs.length).toBe(tokens.length);
        expect(observations.every(({ after }) => after > 0 && after < tokens.length)).toBe(true);
      }
  });

  it("credits turns with what was earned from them on where it is told to", async () => {
    const config = smallConfig((change) => {
      Object.assign(change, { stages: [{ ...guess, credit: "by_turn" }] });
      change.evaluation.questions = 0;
    });
    const world = evaluatedWorld();
    const { events, error } = await played(config, { ...world, environments: [guessing(12)] });
    expect(error).toBe(undefined);
    const weightOf = (name: string) => (name === "tries" ? 2 : 0.9);
    const rollouts = ofType(events, "reasonerEpisode").flatMap((episode) => episode.rollouts);
    const several = rollouts.filter(({ trajectory }) => (trajectory?.turns.length ?? 0) > 1);
    expect(several.some(({ advantage }) => advantage !== 0)).toBe(true);
    for (const { advantage, trajectory } of several) {
      const { turns } = trajectory as NonNullable<typeof trajectory>;
      if (advantage === 0) continue;
      expect(turns[0]?.advantage).toBe(advantage);
      // Over the same deviation, a turn's differs from the one before by what that one earned.
      const steps = turns
        .slice(1)
        .map((turn, i) => [
          (turn.advantage as number) - (turns[i]?.advantage as number),
          -weigh(turns[i]?.parts ?? {}, weightOf),
        ]) as [number, number][];
      const ratios = steps.flatMap(([gained, earned]) => (earned === 0 ? [] : gained / earned));
      for (const ratio of ratios) expect(ratio).toBeCloseTo(ratios[0] as number, 9);
      expect(ratios[0]).toBeGreaterThan(0);
    }
    const learnt = world.policies.reasoner.updates.flatMap(({ groups }) =>
      groups.flatMap((each) => each.rollouts),
    );
    expect(learnt.length).toBeGreaterThan(0);
    for (const { advantage, completion } of learnt) {
      const all = advantage as Float32Array;
      const ends = [...(completion.observations ?? []).map(({ after }) => after), all.length];
      expect(all.length).toBe(completion.tokens.length);
      ends.forEach((end, i) => {
        expect(new Set(all.subarray(ends[i - 1] ?? 0, end)).size).toBe(1);
      });
    }
  });

  it("is rewarded as VISTA-R1 was where it is told to, a trajectory without an answer, too", async () => {
    const [vista] = configOf({
      stages: [{ ...guess, reward: { preset: "vista", moduleWeights: { tries: 0 } } }],
    }).stages as [EnvironmentStage];
    const config = smallConfig((change) => {
      Object.assign(change, { stages: [vista] });
      change.evaluation.questions = 0;
    });
    const world = evaluatedWorld();
    const { events, error } = await played(config, { ...world, environments: [guessing(12)] });
    expect(error).toBe(undefined);
    const rollouts = ofType(events, "reasonerEpisode").flatMap((episode) => episode.rollouts);
    const judged = rollouts.filter(({ trajectory }) => trajectory?.fault === null);
    expect(judged.some(({ trajectory }) => trajectory?.end === "turns")).toBe(true);
    for (const { parts, reward, trajectory } of judged) {
      const { repetition = 9, format, correctness = 9 } = parts;
      // The turns' own correctness counts where it was earned before the last one.
      const earlier = trajectory?.turns.slice(0, -1).map((turn) => turn.parts.correctness ?? 0) ?? [];
      expect(correctness - earlier.reduce((sum, each) => sum + each, 0)).toBe(Number(trajectory?.success));
      expect([0, -1, -2, -3]).toContain(repetition);
      // Nobody there thinks before answering.
      expect(format).toBe(-1);
      expect(reward).toBeCloseTo(repetition - 1 + correctness, 12);
    }
  });

  it("imitates what it demonstrates, turn by turn, under the very prompts that would be asked", async () => {
    const { world, events } = await played(fivefold);
    const steps = ofType(events, "supervisedStep").filter(({ phase }) => phase === "environment");
    expect(steps.length).toBe(3);
    const taught = world.policies.reasoner.supervised.slice(-3);
    for (const [i, { examples }] of taught.entries()) {
      expect(steps[i]?.examples.length).toBe(examples.length);
      const later = examples.filter(({ prompt }) => prompt.turns.length > 1);
      expect(later.length).toBeGreaterThan(0);
      for (const { prompt } of later) {
        const before = examples.find(({ prompt: { turns } }) => turns[0] === prompt.turns[0]);
        expect(prompt.turns[1]).toEqual({ role: "assistant", tokens: before?.completion });
        expect(prompt.turns[2]).toMatchObject({
          role: "tool",
          parts: ["no, and now: ", expect.anything(), expect.anything()],
        });
      }
    }
    const rates = taught.map(({ options }) => options.learningRate);
    expect(rates.map((rate) => rate / (rates[0] as number))).toEqual(
      [1, 2 * (2 / 3), 3 * (1 / 3)].map((share) => expect.closeTo(share, 12)),
    );
  });
});
