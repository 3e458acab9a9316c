import { describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import {
  type AdvantageScaling,
  groupAdvantages,
  rewardScales,
  turnAdvantages,
  withPositive,
} from "../../rewards/advantages.ts";
import { referenceMatrices } from "./reference.ts";

describe("the reference numbers of TRL", () => {
  const rewards = referenceMatrices("grpo/rewards.safetensors");
  for (const [name, expected] of referenceMatrices("grpo/advantages.safetensors")) {
    test(name, () => {
      const [set, scaling] = name.split(".") as [string, AdvantageScaling];
      const groups = rewards.get(set) as number[][];
      const advantages = groupAdvantages(groups, scaling);
      for (const [g, row] of expected.entries()) {
        // The reference leaves rounding noise where all rewards of a group are equal.
        const tolerance = new Set(groups[g]).size === 1 ? 2e-4 : 1e-5;
        for (const [i, value] of row.entries()) {
          expect(Math.abs((advantages[g]?.[i] as number) - value)).toBeLessThan(tolerance);
        }
      }
    });
  }
});

test("unscorable rollouts are left out of the baseline and get advantage 0", () => {
  expect(groupAdvantages([[1, null, 0, null]], "none")).toEqual([[0.5, 0, -0.5, 0]]);
  const [scaled] = groupAdvantages([[1, null, 0]], "group");
  expect(scaled?.[0]).toBeCloseTo(0.5 / (Math.SQRT1_2 + 1e-4), 12);
});

test("groups without variance teach nothing", () => {
  const groups = [[0.1, 0.1, 0.1], [null, null, null], [1, null, null], [], [0, 1, 0]];
  for (const scaling of ["group", "batch", "none"] as const) {
    const advantages = groupAdvantages(groups, scaling);
    expect(
      advantages
        .slice(0, 4)
        .flat()
        .every((advantage) => advantage === 0),
    ).toBe(true);
    expect(advantages[4]?.every((advantage) => advantage !== 0)).toBe(true);
  }
});

test("positive completions are imitated too, even in a group without variance", () => {
  const all = [0.5, -0.5, 0].map((advantage, i) => withPositive(advantage, i !== 1, 0.25));
  expect(all).toEqual([0.75, -0.5, 0.25]);
  expect(withPositive(-0.5, true, 0)).toBe(-0.5);
});

describe("turns credited with what was earned from them on", () => {
  const stream = new RandomStream(5);
  /** Groups of trajectories by what their turns earned. */
  const drawn = Array.from({ length: 20 }, () =>
    Array.from({ length: 5 }, () => Array.from({ length: 1 + stream.integer(4) }, () => stream.normal())),
  );
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

  test.each(["group", "batch", "none"] as const)("are on the scale of whole trajectories: %s", (scaling) => {
    const rewards = drawn.map((group) => group.map(sum));
    const whole = groupAdvantages(rewards, scaling);
    rewardScales(rewards, scaling).forEach((scale, g) => {
      drawn[g]?.forEach((earned, i) => {
        const advantages = turnAdvantages(earned, sum(earned), scale);
        expect(advantages[0]).toBe(whole[g]?.[i]);
        const { baseline, divisor } = scale as NonNullable<typeof scale>;
        for (const [k, advantage] of advantages.entries())
          expect(advantage).toBeCloseTo((sum(earned.slice(k)) - baseline) / divisor, 12);
      });
    });
  });

  test("have the trajectory's advantage, to the bit, where all is earned in the end", () => {
    const rewards = drawn.map((group) => group.map(sum));
    const whole = groupAdvantages(rewards, "group");
    rewardScales(rewards, "group").forEach((scale, g) => {
      rewards[g]?.forEach((reward, i) => {
        const advantages = turnAdvantages([0, 0, reward], reward, scale);
        expect(advantages).toEqual([0, 1, 2].map(() => whole[g]?.[i]));
      });
    });
  });

  test("teach nothing where nobody could judge, or all of a group earned the same", () => {
    const [scale = null] = rewardScales([[1, null, 0]], "group");
    expect(turnAdvantages([0.5, 0.5], null, scale)).toEqual([0, 0]);
    expect(rewardScales([[1, 1, null], []], "group")).toEqual([null, null]);
    expect(turnAdvantages([0.5, 0.5], 1, null)).toEqual([0, 0]);
  });
});
