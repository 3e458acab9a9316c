import { of } from "rxjs";
import { describe, expect, test } from "vitest";
import type { RunConfig } from "../../arena/config/config.ts";
import type { StageConfig } from "../../arena/config/stages.ts";
import type { Evaluator } from "../../arena/ports.ts";
import type { Measured } from "../../cli/gauge.ts";
import type { OneStage } from "../../cli/phase_work.ts";
import { type ProbePorts, probe } from "../../cli/probe.ts";
import { probes } from "../../cli/probes.ts";
import { copy, evaluatedWorld, grpo, guess, selfPlay, sft } from "../fakes/stages.ts";
import { makeWorld, smallConfig, type World } from "../fakes/world.ts";

const never = new AbortController().signal;
/** Three chunks of ten questions and a report that nobody reads. */
const evaluator = (): Evaluator => () =>
  of({ done: 10, total: 30 }, { done: 20, total: 30 }, { done: 30, total: 30 });

function portsOf(world: World): ProbePorts {
  const { policies, reference, images, templates, clock, truth, encode, checkers } = world;
  const { labelled, environments, toolkits } = world;
  return {
    ...{ policies, reference, images, templates, clock, truth, encode, checkers },
    ...{ labelled, environments, toolkits },
    evaluator: (config) => (config.evaluation.questions === 0 ? null : evaluator()),
  };
}

/** A configuration of one stage. */
function alone(config: RunConfig, stage: StageConfig = selfPlay): OneStage {
  return { ...config, stages: [stage] };
}

/** Probes in a world whose time passes by itself; a phase's calls take 10 ms each. */
async function probeIn(
  world: World,
  config: RunConfig,
  scale: number,
  stage: StageConfig = selfPlay,
): Promise<Measured> {
  const options = { scale, steps: 3, signal: never, until: never, follow: () => {} };
  const found = probe(alone(config, stage), portsOf(world), options);
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
  const found = probes(alone(config), portsOf(world), { signal: never, until: until.signal, endMs, say });
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
    // The report comes as soon as the last chunk is done.
    expect(phases.evaluation).not.toHaveProperty("lookedAtMs");
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

describe("a probe of a stage that learns from labels or acts", () => {
  const config = smallConfig((change) => {
    change.evaluation.questions = 1;
  });
  /** In the world of such stages: the environment of one, and the data. */
  const worldOf = (environment: number) => {
    const world = evaluatedWorld();
    return { ...world, environments: [world.environments[environment] ?? null] };
  };

  test("measures imitation and, apart from it, the loss of what is held out", async () => {
    const world = worldOf(0);
    const { phases, trajectories } = await probeIn(world, config, 1, { ...sft, heldOut: 2 });
    expect(Object.keys(phases)).toEqual(["evaluation", "sft"]);
    // An update takes 10 ms, and so does a call that scores the two rows.
    expect(phases.sft?.stepMs).toBeGreaterThanOrEqual(10);
    expect(phases.sft?.stepMs).toBeLessThan(20);
    expect(phases.sft?.heldOutRowMs).toBe(5);
    // One row in nine has a picture that cannot be used.
    expect(phases.sft?.unitsPerStep).toBeGreaterThan(6);
    expect(phases.sft?.unitsPerStep).toBeLessThanOrEqual(8);
    expect(trajectories).toBeNull();
    const { supervised, folders, calls } = world.policies.reasoner;
    expect(supervised.map(({ options }) => options.learningRate)).toEqual([0, 0, 0]);
    expect(calls.filter(({ method }) => method === "score")).toHaveLength(3);
    expect([folders, world.log.events]).toEqual([[], []]);
  });

  test("counts what a step of GRPO on labels works on once, however many groups are sampled in others' place", async () => {
    const world = worldOf(1);
    const { phases } = await probeIn(world, config, 1, grpo);
    expect(phases.grpo?.unitsPerStep).toBeGreaterThan(4);
    expect(phases.grpo?.unitsPerStep).toBeLessThanOrEqual(6);
    expect(phases.grpo?.replayBytes).toBeGreaterThan(1000);
    const rates = world.policies.reasoner.updates.map(({ options }) => options.learningRate);
    expect(rates).toEqual([0, 0, 0]);
    expect(world.log.events).toEqual([]);
  });

  test("acts in the environment itself, and says how long trajectories are today", async () => {
    const world = worldOf(2);
    const { phases, trajectories } = await probeIn(world, config, 2, { ...guess, samplingCalls: 1 });
    expect(phases.environment?.unitsPerStep).toBeLessThanOrEqual(2);
    // Each turn is a call to the policy, and the update is one.
    expect(trajectories?.meanTurns).toBeGreaterThan(1);
    expect(trajectories?.meanTurns).toBeLessThan(guess.maxTurns);
    expect(phases.environment?.stepMs).toBeGreaterThan(20);
  });

  test("imitates what an environment demonstrates", async () => {
    const world = worldOf(3);
    const { phases } = await probeIn(world, config, 1, copy);
    expect(phases.environment?.unitsPerStep).toBeGreaterThan(2);
    expect(phases.environment?.unitsPerStep).toBeLessThanOrEqual(4);
    expect(phases.environment?.heldOutRowMs).toBe(0);
    expect(world.policies.reasoner.supervised).toHaveLength(3);
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
    expect(found.pace).toEqual({ sampledTokenMs: 10 / 64, learnedTokenMs: 10 / 64, encodedImageMs: null });
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
