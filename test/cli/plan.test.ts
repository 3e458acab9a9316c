import { of } from "rxjs";
import { describe, expect, test } from "vitest";
import type { RunConfig } from "../../arena/config/config.ts";
import type { Evaluator } from "../../arena/ports.ts";
import { estimate, type PhaseEstimate } from "../../cli/estimate.ts";
import { bytes } from "../../cli/format.ts";
import { planText } from "../../cli/plan_text.ts";
import { type Probe, type ProbePorts, probe } from "../../cli/probe.ts";
import { probes } from "../../cli/probes.ts";
import { configOf } from "../fakes/config.ts";
import { makeWorld, smallConfig, type World } from "../fakes/world.ts";

const never = new AbortController().signal;
/** Three chunks of ten questions and a report that nobody reads. */
const evaluator = (): Evaluator => () =>
  of({ done: 10, total: 30 }, { done: 20, total: 30 }, { done: 30, total: 30 });

function portsOf({ policies, reference, images, templates, clock, truth }: World): ProbePorts {
  return { policies, reference, images, templates, clock, truth, evaluator };
}

/** Probes in a world whose time passes by itself; a phase's calls take 10 ms each. */
async function probeIn(world: World, config: RunConfig, scale: number): Promise<Probe> {
  const options = { scale, steps: 3, signal: never, until: never, follow: () => {} };
  const found = probe(config, portsOf(world), options);
  await world.time.run();
  return found;
}

/** A series of probes that has so many milliseconds, and what it said. */
async function probesIn(world: World, config: RunConfig, limitMs: number) {
  const until = new AbortController();
  void world.time.sleep(limitMs).then(() => until.abort());
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  const endMs = world.clock.now() + limitMs;
  const found = probes(config, portsOf(world), { signal: never, until: until.signal, endMs, say });
  await world.time.run();
  return { ...(await found), said };
}

describe("a probe", () => {
  test("plays some steps of each phase at the configured sizes, and neither learns nor writes", async () => {
    const world = makeWorld();
    const config = smallConfig((change) => {
      change.rounds = 3;
      change.questioner.stepsPerRound = 50;
    });
    const { phases, admittedShare } = await probeIn(world, config, 1);
    expect(Object.keys(phases).sort()).toEqual(["curriculum", "evaluation", "questioner", "reasoner"]);
    expect(phases.questioner?.unitsPerStep).toBe(4);
    expect(phases.curriculum?.unitsPerStep).toBe(4);
    expect(phases.reasoner?.unitsPerStep).toBe(6);
    expect(phases.evaluation?.unitsPerStep).toBe(10);
    // Ask, answer, answer blindly and update, one after another; all else runs beside them, but for a little.
    expect(phases.questioner?.stepMs).toBeGreaterThanOrEqual(40);
    expect(phases.questioner?.stepMs).toBeLessThan(42);
    expect(phases.questioner?.firstMs).toBeGreaterThan(40);
    expect(phases.questioner?.replayBytes).toBeGreaterThan(1000);
    expect(admittedShare).toBeGreaterThan(0.3);
    expect(admittedShare).toBeLessThan(1);
    for (const policy of Object.values(world.policies)) {
      expect(policy.updates.map(({ options }) => options.learningRate)).toEqual([0, 0, 0]);
      expect(policy.folders).toEqual([]);
    }
    expect(world.log.events).toEqual([]);
  });

  test("may be made at a part of the sizes", async () => {
    const { phases } = await probeIn(makeWorld(), smallConfig(), 2);
    expect(phases.questioner?.unitsPerStep).toBe(2);
    expect(phases.reasoner?.unitsPerStep).toBe(3);
  });

  test("knows nothing of the Reasoner phase where no answer parses", async () => {
    const world = makeWorld({ reasoner: { script: () => "<think>" } });
    const { phases, admittedShare } = await probeIn(world, smallConfig(), 1);
    expect(phases.reasoner).toBeUndefined();
    expect(admittedShare).toBe(0);
    expect(world.policies.reasoner.folders).toEqual([]);
  });
});

describe("probes", () => {
  test("grow to the configured sizes where there is time, and say where they are", async () => {
    const { phases, scale, cutShort, said } = await probesIn(makeWorld(), smallConfig(), 600_000);
    expect({ scale, cutShort }).toEqual({ scale: 1, cutShort: false });
    expect(phases.questioner?.unitsPerStep).toBe(4);
    expect(phases.reasoner?.unitsPerStep).toBe(6);
    expect(said[0]).toBe("timing short calls, 10 min 00 s at most");
    expect(said[1]).toMatch(
      /^probing at 1\/\d+ of the configured sizes, 10 min .*at most · evaluation · step 1\/\d$/,
    );
    expect(said.at(-1)).toMatch(/^probing at the configured sizes, .* · reasoner · step 3\/3$/);
  });

  test("end in time, with what was measured by then", async () => {
    // Short calls take 40 ms, and so does a step of the Questioner: one phase is measured, and no later one.
    const found = await probesIn(makeWorld(), smallConfig(), 100);
    expect(found.cutShort).toBe(true);
    expect(found.tookMs).toBeLessThan(110);
    expect(found.phases.questioner?.unitsPerStep).toBe(1);
    expect(found.phases.reasoner).toBeUndefined();
    expect(found.pace).toEqual({ sampledTokenMs: 10 / 64, learnedTokenMs: 10 / 64 });
    const early = await probesIn(makeWorld(), smallConfig(), 15);
    expect(early).toMatchObject({ cutShort: true, pace: null, phases: {} });
  });

  test("keep what smaller ones measured where time runs out in a larger one", async () => {
    const whole = await probesIn(makeWorld(), smallConfig(), 600_000);
    const cut = await probesIn(makeWorld(), smallConfig(), whole.tookMs - 15);
    expect(cut.phases.reasoner).toBeDefined();
    expect(cut.scale).toBeGreaterThan(1);
  });
});

describe("an estimate", () => {
  const config = configOf({
    rounds: 2,
    questioner: { stepsPerRound: 10, imagesPerStep: 16 },
    curriculum: { images: 80, imagesPerChunk: 32, questionsPerImage: 6 },
    reasoner: { stepsPerRound: 100, itemsPerStep: 32, maxPasses: 2 },
    evaluation: { questions: 200, questionsPerChunk: 100, everyRound: false },
  });
  const measured = (unitsPerStep: number, stepMs: number, firstMs = stepMs) => ({
    ...{ unitsPerStep, stepMs, firstMs, replayBytes: 1000 },
  });
  const found: Probe = {
    phases: {
      questioner: measured(16, 100, 350),
      curriculum: measured(32, 50),
      reasoner: measured(32, 200),
      evaluation: measured(50, 30),
    },
    admittedShare: 0.5,
  };

  test("multiplies steps by what they took, and pays once for what comes once", () => {
    const whole = estimate(config, 2000, found, 7);
    const { phases, totalMs, replayBytes, modelBytes, checkpointBytes, unknown } = whole;
    expect(phases.questioner).toEqual({
      ...{ steps: 10, unitsPerStep: 16, stepMs: 100, totalMs: 10 * 100 + 250, replayBytes: 10_000, scale: 1 },
      guessed: false,
    });
    // 80 images are two and a half chunks.
    expect(phases.curriculum).toMatchObject({ steps: 3, totalMs: 125 });
    // Half of 480 questions are 240 items, 15 steps in two passes.
    expect(phases.reasoner).toMatchObject({ steps: 15, totalMs: 3000 });
    // Half the size was measured, and twice that is planned.
    expect(phases.evaluation).toMatchObject({ steps: 2, stepMs: 60, totalMs: 120, scale: 2 });
    expect(totalMs).toBe(2 * (1250 + 125 + 3000) + 2 * 120);
    expect(replayBytes).toBe(2 * (10_000 + 2500 + 15_000) + 2 * 4000);
    expect(modelBytes).toBe(2 * 2 * 7);
    // The last two, the best and a new one, of two policies with two moments each.
    expect(checkpointBytes).toBe(4 * 2 * 3 * 7);
    expect(unknown).toEqual([]);
  });

  test("lists every phase of every round", () => {
    const { schedule } = estimate(config, 2000, found, 7);
    expect(schedule.map(({ round, phase, steps }) => `${round} ${phase} ${steps}`)).toEqual([
      "0 evaluation 2",
      ...["1 questioner 10", "1 curriculum 3", "1 reasoner 15"],
      ...["2 questioner 10", "2 curriculum 3", "2 reasoner 15", "2 evaluation 2"],
    ]);
  });

  test("is bounded by the pool, and says what it does not know", () => {
    const { reasoner: _, ...others } = found.phases;
    const { phases, unknown, totalMs } = estimate(config, 5, { phases: others, admittedShare: 0 }, 7);
    expect(phases.questioner).toMatchObject({ unitsPerStep: 5, scale: 5 / 16 });
    expect(phases.curriculum).toMatchObject({ steps: 1 });
    expect(phases.reasoner).toMatchObject({ totalMs: null });
    expect(unknown).toEqual(["reasoner"]);
    expect(totalMs).toBeGreaterThan(0);
  });

  test("guesses the phases that were not reached from the pace of short calls", () => {
    const { reasoner: _, ...others } = found.phases;
    const pace = { sampledTokenMs: 2, learnedTokenMs: 3 };
    const guessed = estimate(config, 2000, { phases: others, admittedShare: 0.5, pace }, 7);
    const { groupSize, maxTokens } = config.reasoner;
    const stepMs = 32 * groupSize * maxTokens * 5;
    expect(guessed.phases.reasoner).toMatchObject({
      stepMs,
      totalMs: 15 * stepMs,
      guessed: true,
      scale: null,
    });
    expect(guessed.phases.questioner).toMatchObject({ guessed: false });
    expect(guessed.unknown).toEqual([]);
  });

  test("is printed with where its figures come from", () => {
    const plan = {
      ...estimate(config, 2000, found, 4e6),
      images: 2000,
      openMs: 1500,
      probe: { ...found, scale: 2, tookMs: 12_000, cutShort: false },
      residentBytes: { opened: 3e8, peak: 7e8 },
      machine: { memoryBytes: 8e9, freeDiskBytes: 1e6 },
    };
    const text = planText(config, plan);
    expect(text).toMatch(/reasoner +2 +15 +32 items +0\.20 s +3 s +15 kB/);
    expect(text).toContain("time    about 9 s for 2 rounds\n");
    expect(text).toContain("memory  at least 700 MB to 1.1 GB, of 8.0 GB");
    expect(text).toContain(
      "disk    112 MB: 16 MB of models (4 folders), 96 MB of checkpoints and 63 kB of replay; 1.0 MB are free: NOT ENOUGH",
    );
    expect(text).toContain("at 1/2 of the configured sizes with learning rates of 0, in 12 s");
    expect(text).toContain("evaluation by 2.00");
    expect(planText(config, { ...plan, unknown: ["reasoner"] })).toContain(
      "without the reasoner phase, which is unknown",
    );
    const cut = planText(config, { ...plan, probe: { ...plan.probe, cutShort: true, tookMs: 120_000 } });
    expect(cut).toContain("time    roughly 9 s for 2 rounds\n");
    expect(cut).toContain("time was up after 2 min");
    expect(cut).toContain("a rough estimate");
    const { reasoner, ...phases } = plan.phases;
    const guess = { ...phases, reasoner: { ...(reasoner as PhaseEstimate), guessed: true } };
    expect(planText(config, { ...plan, phases: guess })).toMatch(/reasoner .* ~ 0\.20 s +~ 3 s/);
  });
});

test("bytes", () => {
  expect([0, 999, 1500, 23_400_000, 1.2e9, 5e15].map(bytes)).toEqual([
    ...["0 B", "999 B", "1.5 kB", "23 MB", "1.2 GB", "5000 TB"],
  ]);
});
