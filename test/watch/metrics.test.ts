import { afterEach, beforeEach, expect, test } from "vitest";
import { Metrics } from "../../watch/metrics.ts";
import {
  alarm,
  at,
  attributed,
  coEvolution,
  evaluationReport,
  phaseStarted,
  questionerAudited,
  questionerStep,
  reasonerStep,
} from "../fakes/run_events.ts";

let metrics: Metrics;
beforeEach(async () => {
  metrics = await Metrics.start("127.0.0.1", 0);
});
afterEach(() => metrics[Symbol.asyncDispose]());

/** The served samples by name with labels. */
async function scrape(): Promise<Record<string, number>> {
  const text = await (await fetch(metrics.url)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^(.+) (\S+)$/.exec(line) ?? [];
      return [name as string, Number(value)];
    }),
  );
}

test("serves where the run is and what its last step found", async () => {
  const events = [
    phaseStarted(1, "questioner"),
    questionerStep(),
    phaseStarted(1, "reasoner"),
    reasonerStep(),
  ];
  for (const event of events) metrics.apply(at(1, event));
  expect(await scrape()).toMatchObject({
    visplay_round: 1,
    'visplay_phase{phase="reasoner"}': 1,
    visplay_step: 1,
    visplay_steps: 4,
    'visplay_reward{role="questioner"}': 0.413,
    visplay_confidence: 0.72,
    'visplay_loss{role="reasoner"}': 0.5,
    'visplay_kl{role="reasoner"}': 0.01,
    'visplay_gradient_norm{role="reasoner"}': 2,
    visplay_tokens_per_second: 1200,
    visplay_tokens_total: 12_000,
    'visplay_steps_total{phase="questioner"}': 1,
  });
  expect(await scrape()).not.toHaveProperty('visplay_phase{phase="questioner"}');
});

test("serves what was asked in the last round, and what passed the gate wrongly", async () => {
  for (const round of [1, 2]) {
    metrics.apply(at(1, questionerAudited(round, 3 + round)));
    metrics.apply(at(1, coEvolution(round, 90 - round)));
  }
  expect(await scrape()).toMatchObject({
    'visplay_questions_percent{figure="falseAccepts"}': 5,
    'visplay_questions_percent{figure="baseAccuracy"}': 88,
    'visplay_questions_percent{figure="reasonerConfidence"}': 94,
  });
});

test("counts the faults of trajectories by their kind, and says how the last ones went", async () => {
  for (const [meanTurns, late] of [
    [3, 2],
    [2, 1],
  ] as const)
    metrics.apply(
      at(
        1,
        reasonerStep({
          trajectories: {
            ...{ meanTurns, unfinished: 0.25, meanCalls: 1.5, failedCalls: 0.5, faults: { late } },
            failures: { description: 2 * late },
          },
        }),
      ),
    );
  expect(await scrape()).toMatchObject({
    visplay_trajectory_turns: 2,
    visplay_trajectory_unfinished: 0.25,
    visplay_trajectory_calls: 1.5,
    visplay_failed_calls: 0.5,
    'visplay_trajectory_faults_total{kind="late"}': 3,
    'visplay_trajectory_failures_total{kind="description"}': 6,
  });
});

test("serves where answers went wrong, of the last step and the last evaluation", async () => {
  for (const grounding of [0.5, 0.25])
    metrics.apply(at(1, reasonerStep({ attribution: attributed({ grounding }) })));
  const attribution = { overall: attributed({ usable: 0.5, fusion: 0.125 }), families: {} };
  const report = evaluationReport({ attribution });
  metrics.apply(at(2, { type: "evaluated", round: 1, phase: "evaluation", report }));
  expect(await scrape()).toMatchObject({
    'visplay_attribution{phase="reasoner",figure="grounding"}': 0.25,
    'visplay_attribution{phase="evaluation",figure="usable"}': 0.5,
    'visplay_attribution{phase="evaluation",figure="fusion"}': 0.125,
  });
});

test("takes a phase and a role of any name", async () => {
  metrics.apply(at(1, reasonerStep({ phase: "exam", role: "pupil" })));
  expect(await scrape()).toMatchObject({
    'visplay_steps_total{phase="exam"}': 1,
    'visplay_health{phase="exam",figure="commonestAnswer"}': 0.3,
    'visplay_reward{role="pupil"}': 0.413,
    'visplay_kl{role="pupil"}': 0.01,
  });
});

test("counts what failed and what was alarming, and how long nothing came", async () => {
  const failed = { type: "rolloutFailed", round: 1, phase: "reasoner", step: 0, during: "load" } as const;
  metrics.apply(at(1, { ...failed, image: { index: 0, name: "0.png" }, reason: "broken" }));
  metrics.apply(at(1, alarm));
  metrics.apply(at(1, alarm));
  const samples = await scrape();
  expect(samples['visplay_failed_rollouts_total{during="load"}']).toBe(1);
  expect(samples['visplay_alarms_total{name="constantAnswer"}']).toBe(2);
  expect(samples.visplay_seconds_since_event).toBeGreaterThan(0);
  expect(samples.visplay_seconds_since_event).toBeLessThan(5);
  expect(samples.visplay_resident_bytes).toBeGreaterThan(1e7);
});

test("serves nothing else", async () => {
  expect((await fetch(metrics.url.replace("/metrics", "/"))).status).toBe(404);
});

test("a port in use, or an address that is not here, is an error that names the setting", async () => {
  const port = Number(new URL(metrics.url).port);
  await expect(Metrics.start("127.0.0.1", port)).rejects.toMatchObject({
    code: "config",
    message: `watch.metricsPort: found ${port} on 127.0.0.1, which is in use; choose another, 0 for any free one`,
  });
  await expect(Metrics.start("192.0.2.1", 0)).rejects.toMatchObject({
    code: "config",
    message: expect.stringContaining("watch.metricsHost"),
  });
});
