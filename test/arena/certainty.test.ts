import { expect, test } from "vitest";
import { ofType, playIn } from "../fakes/play.ts";
import type { Script } from "../fakes/policy.ts";
import { makeWorld, smallConfig } from "../fakes/world.ts";

/** Answers 3, mostly, and says how sure it is of that in one of three ways. */
const script: Script = (_, stream) => {
  const answer = stream.integer(3) === 0 ? 4 : 3;
  const said = stream.pick(["it is", "probably it is", "confidence: 40%, it is"] as const);
  return `<think> ${said} ${answer} </think> <answer> ${answer} </answer>`;
};

test("what an answer says to be sure of is held against the silver answer, as a part by name", async () => {
  const world = { ...makeWorld({ reasoner: { script } }), truth: null };
  const config = smallConfig((change) => {
    Object.assign(change.reasoner.reward, { certainty: 0.5, brevity: 0 });
    change.curriculum.band.low = 0.5;
  });
  const { events, error } = await playIn(world, config);
  expect(error).toBeUndefined();
  const seen = new Set<number>();
  for (const { label, rollouts } of ofType(events, "reasonerEpisode"))
    for (const { text, vote, parts, reward } of rollouts) {
      const stated = text.includes("probably") ? 0.7 : text.includes("40%") ? 0.4 : 1;
      const right = Number(vote === label);
      expect(parts.certainty).toBeCloseTo(1 - (stated - right) ** 2, 12);
      const { agreement, format } = config.reasoner.reward;
      const { agreement: agrees = 0, format: form = 0, certainty = 0 } = parts;
      expect(reward).toBeCloseTo(agreement * agrees + format * form + 0.5 * certainty, 9);
      seen.add(parts.certainty as number);
    }
  expect(seen.size).toBe(6);
  for (const { parts } of ofType(events, "reasonerStep")) expect(parts.certainty).toBeGreaterThan(0);
});
