import { describe, expect, test } from "vitest";
import { type AdvantageScaling, groupAdvantages, withPositives } from "../../rewards/advantages.ts";
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
  expect(withPositives([0.5, -0.5, 0], [true, false, true], 0.25)).toEqual([0.75, -0.5, 0.25]);
  expect(withPositives([0.5, -0.5], [true, true], 0)).toEqual([0.5, -0.5]);
});
