import { expect, test } from "vitest";
import type { TrajectoryFigures } from "../../replay/events.ts";
import { Tracker } from "../../watch/tracker.ts";
import { configOf } from "../fakes/config.ts";
import { at, attributed, phaseStarted, questionerStep, reasonerStep } from "../fakes/run_events.ts";

const config = configOf({ rounds: 1, evaluation: { questions: 0 } });

test("a run that is resumed in the middle of a phase has its place at once, and its pace from then on", () => {
  const tracker = new Tracker(config);
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
  const tracker = new Tracker(config);
  tracker.apply(at(0, phaseStarted(1, "questioner")));
  tracker.apply(at(5, phaseStarted(1, "reasoner", 7)));
  expect(tracker.standing(5000)).toMatchObject({ phase: "reasoner", step: 0, steps: 7, reward: null });
});

test("a phase that was not planned is followed like any other, and what was planned still comes behind it", () => {
  const tracker = new Tracker(config);
  tracker.apply(at(0, phaseStarted(1, "curriculum")));
  tracker.apply(
    at(8, { type: "phaseFinished", round: 1, phase: "curriculum", durationMs: 8000, figures: null }),
  );
  const place = { round: 1, phase: "exam", role: "pupil", steps: 4 };
  for (const step of [0, 1]) tracker.apply(at(20 + 10 * step, reasonerStep({ ...place, step })));
  expect(tracker.standing(30_000)).toMatchObject({
    round: 1,
    phase: "exam",
    step: 2,
    steps: 4,
    reward: 0.413,
  });
  // Two of its steps of 10 s; and a Reasoner phase, of which nothing is known, as long as these phases on average.
  expect(tracker.standing(30_000)?.remainingMs).toBeCloseTo(20_000 + (8000 + 40_000) / 2, 3);
});

test("a run that is resumed with other images is judged by as many as there are now", () => {
  const pools = [8, 4].map((images) => {
    const tracker = new Tracker(config);
    const resumed = { config: {}, release: null, checkpoint: "a", round: 1, leg: "questioner", step: 0 };
    tracker.apply(at(0, phaseStarted(1, "questioner", 1)));
    tracker.apply(at(0, { type: "runResumed", images, ...resumed }));
    tracker.apply(at(1, questionerStep({ steps: 1 })));
    return tracker.standing(1000)?.remainingMs;
  });
  expect(pools[0]).toBeGreaterThan(pools[1] as number);
});

test("causes are those of the last step of the phase that was looked at", () => {
  const tracker = new Tracker(config);
  tracker.apply(at(0, phaseStarted(1, "reasoner")));
  expect(tracker.standing(0)?.causes).toBeNull();
  for (const [index, attribution] of [
    attributed({ grounding: 0.5 }),
    attributed({ fusion: 0.25 }),
    null,
  ].entries())
    tracker.apply(at(index, reasonerStep({ step: index, attribution })));
  expect(tracker.standing(3000)?.causes).toEqual({ grounding: 0, reasoning: 0, fusion: 0.25, unfaithful: 0 });
  tracker.apply(at(9, phaseStarted(2, "reasoner")));
  expect(tracker.standing(9000)?.causes).toBeNull();
});

test("trajectories are those of the last step, and the phase's faults add up", () => {
  const tracker = new Tracker(config);
  const step = (index: number, trajectories: TrajectoryFigures | null) =>
    tracker.apply(at(index, reasonerStep({ step: index, trajectories })));
  tracker.apply(at(0, phaseStarted(1, "reasoner")));
  step(0, null);
  expect(tracker.standing(0)).toMatchObject({ trajectories: null });
  const uncalled = { meanCalls: 0, failedCalls: null, failures: {} };
  step(1, { meanTurns: 3, unfinished: 0.5, ...uncalled, faults: { late: 1, threw: 1 } });
  step(2, { meanTurns: 2, unfinished: 0.25, ...uncalled, faults: { threw: 2 } });
  expect(tracker.standing(2000)).toMatchObject({ trajectories: { turns: 2, unfinished: 0.25, faults: 4 } });
  tracker.apply(at(9, phaseStarted(2, "reasoner")));
  expect(tracker.standing(9000)).toMatchObject({ trajectories: null });
});
