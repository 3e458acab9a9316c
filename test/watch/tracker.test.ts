import { expect, test } from "vitest";
import { Tracker } from "../../watch/tracker.ts";
import { configOf } from "../fakes/config.ts";
import { at, phaseStarted, reasonerStep } from "../fakes/run_events.ts";

const plan = configOf({ rounds: 1, evaluation: { questions: 0 } });

test("a run that is resumed in the middle of a phase has its place at once, and its pace from then on", () => {
  const tracker = new Tracker(plan);
  expect(tracker.standing(0)).toBeNull();
  const step = (seconds: number, index: number) =>
    tracker.apply(at(seconds, reasonerStep({ step: index, steps: 100 })));
  step(1000, 59);
  expect(tracker.standing(1_000_000)).toMatchObject({
    ...{ round: 1, phase: "reasoner", step: 60, steps: 100 },
    ...{ reward: 0.413, tokensPerSecond: null, remainingMs: null },
  });
  step(1010, 60);
  step(1020, 61);
  // 38 steps of 10 s are left, and nothing comes behind.
  expect(tracker.standing(1_020_000)).toMatchObject({ step: 62, tokensPerSecond: 600 });
  expect(tracker.standing(1_020_000)?.remainingMs).toBeCloseTo(380_000, 3);
});

test("another phase begins anew", () => {
  const tracker = new Tracker(plan);
  tracker.apply(at(0, phaseStarted(1, "questioner")));
  tracker.apply(at(5, phaseStarted(1, "reasoner", 7)));
  expect(tracker.standing(5000)).toMatchObject({ phase: "reasoner", step: 0, steps: 7, reward: null });
});
