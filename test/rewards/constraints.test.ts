import { describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { type Constraint, constrain, constrainTurns, isForbidden } from "../../rewards/constraints.ts";

const constraints: readonly Constraint[] = [
  { name: "crash", kind: "hard", penalty: 10 },
  { name: "light", kind: "hard", penalty: 5 },
  { name: "noise", kind: "soft", penalty: 2 },
];

describe("constraints", () => {
  test("that are kept leave a reward as it is", () => {
    expect(constrain(3.5, {}, constraints)).toBe(3.5);
    expect(constrain(3.5, { crash: 0, other: 1 }, constraints)).toBe(3.5);
  });

  test("that are soft take their penalty from it, by their cost", () => {
    expect(constrain(3.5, { noise: 0.5 }, constraints)).toBe(2.5);
    expect(isForbidden({ noise: 1 }, constraints)).toBe(false);
  });

  test("that are hard leave their penalties alone, whatever was earned and however slightly they were violated", () => {
    for (const reward of [-50, 0, 3.5, 1e9])
      for (const cost of [1e-6, 0.125, 1]) {
        expect(constrain(reward, { crash: cost }, constraints)).toBe(-10);
        expect(constrain(reward, { crash: cost, light: 1, noise: 1 }, constraints)).toBe(-15);
      }
  });

  test("never let what violates a hard one earn a positive total, and turns add up to their trajectory", () => {
    const stream = new RandomStream(4);
    for (let i = 0; i < 500; i++) {
      const cost = () => (stream.uniform() < 0.2 ? stream.uniform() : 0);
      const turns = Array.from({ length: 1 + stream.integer(4) }, () => ({
        reward: stream.between(-3, 20),
        costs: { crash: cost(), light: cost(), noise: cost() },
      }));
      const earned = constrainTurns(turns, constraints);
      const sums: Record<string, number> = {};
      for (const { costs } of turns)
        for (const [name, value] of Object.entries(costs)) sums[name] = (sums[name] ?? 0) + value;
      const reward = turns.reduce((sum, turn) => sum + turn.reward, 0);
      const whole = constrain(reward, sums, constraints);
      expect(earned.reduce((sum, each) => sum + each, 0)).toBeCloseTo(whole, 9);
      if (isForbidden(sums, constraints)) {
        expect(whole).toBeLessThanOrEqual(-5);
        expect(Math.max(...earned)).toBeLessThanOrEqual(0);
      }
    }
  });
});
