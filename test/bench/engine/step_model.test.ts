import { expect, test } from "vitest";
import type { SampledGroup, Speed } from "../../../bench/engine/replica.ts";
import { type Engine, free, simulateStep, waitShare } from "../../../bench/engine/step_model.ts";
import { RandomStream } from "../../../common/random.ts";

const speed: Speed = {
  tokensPerSecond: 100,
  sequenceTokensPerSecond: 40,
  prefillTokensPerSecond: 1000,
  slots: 4,
};
const engine: Engine = { replicas: 1, speed, roundTripS: 0, updateS: (tokens) => tokens / 50, publishS: 3 };

test("an engine alone takes what its tokens take", () => {
  // One sequence is held back by its own speed, four share the replica's.
  const one = [{ promptTokens: 100, lengths: [80] }];
  expect(simulateStep(one, engine, free)).toEqual({
    seconds: 0.1 + 2 + 180 / 50 + 3,
    samplingS: 2.1,
    busyS: 0,
  });
  const four = [{ promptTokens: 0, lengths: [50, 50, 50, 50] }];
  expect(simulateStep(four, engine, free).samplingS).toBeCloseTo(2);
  // The shorter ones leave room: 3 x 25 at 100/3 each, then 25 at 40.
  const uneven = [{ promptTokens: 0, lengths: [25, 25, 50] }];
  expect(simulateStep(uneven, engine, free).samplingS).toBeCloseTo(0.75 + 25 / 40);
  // A fifth waits for a slot.
  const five = [{ promptTokens: 0, lengths: [50, 50, 50, 50, 40] }];
  expect(simulateStep(five, engine, free).samplingS).toBeCloseTo(3);
});

test("one thread sends, receives and sends the update", () => {
  const groups = Array.from({ length: 3 }, () => ({ promptTokens: 0, lengths: [40] }));
  const orchestration = { sendS: 2, receiveS: 0.5, updateS: 1, window: 9 };
  // Sent at 2, 4 and 6, whole a second later each; the first is read once all are sent.
  const step = simulateStep(groups, { ...engine, updateS: () => 0, publishS: 0 }, orchestration);
  expect(step).toEqual({ samplingS: 7.5, seconds: 10.5, busyS: 10.5 });
  const narrow = simulateStep(
    groups,
    { ...engine, updateS: () => 0, publishS: 0 },
    { ...orchestration, window: 1 },
  );
  expect(narrow.samplingS).toBe(3 * (2 + 1 + 0.5));
});

test("every token is sampled, whatever the window, and more of it never waits longer", () => {
  const stream = new RandomStream(3);
  const groups: SampledGroup[] = Array.from({ length: 40 }, () => ({
    promptTokens: 50,
    lengths: Array.from({ length: 8 }, () => 1 + stream.integer(200)),
  }));
  const many = { ...engine, replicas: 4 };
  const cost = { sendS: 0.01, receiveS: 0.02, updateS: 0.01 };
  const shares = [1, 4, 16, 64].map((window) => waitShare(groups, many, { ...cost, window }));
  for (const [i, share] of shares.entries()) {
    // Groups that come later may happen to be spread better.
    expect(share).toBeGreaterThan(-0.01);
    expect(share).toBeLessThan(1);
    if (i > 0) expect(share).toBeLessThanOrEqual((shares[i - 1] as number) + 0.01);
  }
  // Where groups are asked for one by one, the engine waits while the thread reads.
  expect(shares[0]).toBeGreaterThan(0.1);
  expect(waitShare(groups, many, free)).toBe(0);
  const tokens = groups.flatMap(({ lengths }) => lengths).reduce((sum, length) => sum + length, 0);
  const { samplingS } = simulateStep(groups, many, free);
  expect(samplingS).toBeGreaterThanOrEqual(tokens / (4 * speed.tokensPerSecond));
});
