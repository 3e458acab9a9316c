import { of } from "rxjs";
import { describe, expect, test } from "vitest";
import type { RunConfig } from "../../arena/config/config.ts";
import { type Stage, type StageConfig, stagesOf } from "../../arena/config/stages.ts";
import type { Evaluator } from "../../arena/ports.ts";
import {
  checkpointBytes,
  estimateMemory,
  estimateStage,
  type PhaseEstimate,
  type Supply,
  sumOfCosts,
} from "../../cli/estimate.ts";
import { bytes } from "../../cli/format.ts";
import type { Measured } from "../../cli/gauge.ts";
import type { OneStage } from "../../cli/phase_work.ts";
import { planText } from "../../cli/plan_text.ts";
import { type ProbePorts, probe } from "../../cli/probe.ts";
import { type Probe, probes } from "../../cli/probes.ts";
import type { Plan, StagePlan } from "../../cli/run_plan.ts";
import { configOf } from "../fakes/config.ts";
import { copy, evaluatedWorld, grpo, guess, selfPlay, sft } from "../fakes/stages.ts";
import { makeWorld, smallConfig, type World } from "../fakes/world.ts";

const never = new AbortController().signal;
/** Three chunks of ten questions and a report that nobody reads. */
const evaluator = (): Evaluator => () =>
  of({ done: 10, total: 30 }, { done: 20, total: 30 }, { done: 30, total: 30 });

function portsOf(world: World): ProbePorts {
  const { policies, reference, images, templates, clock, truth, encode, labelled, environments } = world;
  return {
    ...{ policies, reference, images, templates, clock, truth, encode, labelled, environments },
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
    ...{ unitsPerStep, stepMs, firstMs, replayBytes: 1000, heldOutRowMs: 0 },
  });
  const found: Probe = {
    trajectories: null,
    phases: {
      questioner: measured(16, 100, 350),
      curriculum: measured(32, 50),
      reasoner: measured(32, 200),
      evaluation: measured(50, 30),
    },
    admittedShare: 0.5,
  };
  const [stage] = stagesOf(config) as [Stage];
  const supply: Supply = { images: 2000, rows: null };

  test("multiplies steps by what they took, and pays once for what comes once", () => {
    const whole = estimateStage(config, stage, supply, found, 7);
    const { phases, totalMs, replayBytes, modelBytes, unknown } = whole;
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
    expect(checkpointBytes(config, 7)).toBe(4 * 2 * 3 * 7);
    expect(unknown).toEqual([]);
  });

  test("lists every phase of every round", () => {
    const { schedule } = estimateStage(config, stage, supply, found, 7);
    expect(schedule.map(({ round, phase, steps }) => `${round} ${phase} ${steps}`)).toEqual([
      "0 evaluation 2",
      ...["1 questioner 10", "1 curriculum 3", "1 reasoner 15"],
      ...["2 questioner 10", "2 curriculum 3", "2 reasoner 15", "2 evaluation 2"],
    ]);
  });

  test("is bounded by the pool, and says what it does not know", () => {
    const { reasoner: _, ...others } = found.phases;
    const few = { ...found, phases: others, admittedShare: 0 };
    const { phases, unknown, totalMs } = estimateStage(config, stage, { images: 5, rows: null }, few, 7);
    expect(phases.questioner).toMatchObject({ unitsPerStep: 5, scale: 5 / 16 });
    expect(phases.curriculum).toMatchObject({ steps: 1 });
    expect(phases.reasoner).toMatchObject({ totalMs: null });
    expect(unknown).toEqual(["reasoner"]);
    expect(totalMs).toBeGreaterThan(0);
  });

  test("guesses the phases that were not reached from the pace of short calls", () => {
    const { reasoner: _, ...others } = found.phases;
    const pace = { sampledTokenMs: 2, learnedTokenMs: 3 };
    const guessed = estimateStage(config, stage, supply, { ...found, phases: others, pace }, 7);
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

  describe("of a run of several stages", () => {
    const several = configOf({
      stages: [
        { kind: "sft", data: "rows", itemsPerStep: 10, epochs: 2, heldOut: 20, heldOutEvery: 4 },
        { kind: "environment", environment: "scenes", itemsPerStep: 16, steps: 5 },
        { kind: "self_play", rounds: 1 },
      ],
      evaluation: { questions: 200, questionsPerChunk: 100 },
    });
    const [imitation, acting, playing] = stagesOf(several) as [Stage, Stage, Stage];
    const evaluation = measured(100, 50);

    test("takes steps by rows, and what is held out beside them", () => {
      const sftProbe = { ...measured(5, 100), heldOutRowMs: 2 };
      const probed = { phases: { sft: sftProbe, evaluation }, admittedShare: null, trajectories: null };
      const found = estimateStage(several, imitation, { images: 0, rows: 120 }, probed, 7);
      // 12 rows are held out; 108 twice in steps of 10 are 22, before which it is measured at 0, 4 … 20, and after the last.
      expect(found.phases.sft).toMatchObject({ steps: 22, unitsPerStep: 10, stepMs: 200, scale: 2 });
      expect(found.phases.sft?.totalMs).toBe(22 * 200 + 7 * 12 * 2);
      expect(found.schedule.map(({ round, phase }) => `${round} ${phase}`)).toEqual([
        ...["0 evaluation", "1 sft", "1 evaluation"],
      ]);
      expect(found.totalMs).toBe(22 * 200 + 7 * 12 * 2 + 2 * 2 * 50);
      expect(found).toMatchObject({ models: 1, modelBytes: 7 });
      const few = estimateStage(several, imitation, { images: 0, rows: 5 }, probed, 7);
      expect(few.phases.sft).toMatchObject({ steps: 2, unitsPerStep: 5, totalMs: 2 * 100 });
    });

    test("counts rounds through the run, and what each stage writes", () => {
      const probed = { ...found, phases: { ...found.phases, environment: measured(4, 30), evaluation } };
      const acted = estimateStage(several, acting, { images: 0, rows: 1000 }, probed, 7);
      expect(acted.schedule.map(({ round, phase, steps }) => `${round} ${phase} ${steps}`)).toEqual([
        ...["2 environment 5", "2 evaluation 2"],
      ]);
      expect(acted.totalMs).toBe(5 * 4 * 30 + 2 * 50);
      const played = estimateStage(several, playing, supply, probed, 7);
      expect(played.schedule.map(({ round }) => round)).toEqual([3, 3, 3, 3]);
      expect([acted.models, played.models]).toEqual([1, 2]);
      expect(checkpointBytes(several, 7)).toBe(4 * 2 * 3 * 7);
      expect(checkpointBytes({ ...several, stages: several.stages.slice(0, 2) }, 7)).toBe(4 * 3 * 7);
      expect(sumOfCosts([acted, played]).totalMs).toBe(acted.totalMs + played.totalMs);
    });

    test("guesses a stage that was not reached by what its turns may have at most", () => {
      const pace = { sampledTokenMs: 2, learnedTokenMs: 3 };
      const nothing: Probe = { phases: {}, admittedShare: null, trajectories: null, pace };
      const { phases } = estimateStage(several, acting, { images: 0, rows: 1000 }, nothing, 7);
      const { groupSize, maxTurns, maxTokens } = several.stages[1] as typeof guess;
      expect(phases.environment).toMatchObject({
        ...{ steps: 5, unitsPerStep: 16, guessed: true },
        stepMs: 16 * groupSize * maxTurns * maxTokens * (2 + 3),
      });
    });

    test("is printed stage by stage, and in all", () => {
      const planned = (stage: Stage, rows: StagePlan["rows"], phases: Probe["phases"], peak: number) => {
        const trajectories = phases.environment ? { meanTurns: 1.5, meanCalls: 0.25 } : null;
        const probe = { ...found, phases: { ...phases, evaluation }, trajectories };
        const residentBytes = { opened: 3e8, peak };
        return {
          ...estimateStage(several, stage, { images: 2000, rows: rows?.count ?? null }, probe, 4e6),
          ...{ name: stage.name, rounds: stage.rounds, rows, parameters: 1e6, openMs: 1500, residentBytes },
          probe: { ...probe, scale: 1, tookMs: 12_000, cutShort: false },
          memory: estimateMemory(residentBytes, 1),
        };
      };
      const stages = [
        planned(imitation, { count: 120, unit: "labelled row" }, { sft: measured(10, 200) }, 5e8),
        planned(acting, { count: 1000, unit: "task" }, { environment: measured(16, 1000) }, 9e8),
        planned(playing, null, found.phases, 7e8),
      ];
      const text = planText(several, {
        ...{ stages, ...sumOfCosts(stages), checkpointBytes: 96e6, images: 2000 },
        machine: { memoryBytes: 8e9, freeDiskBytes: 1e12 },
      });
      expect(text).toMatch(/ sft +1 +22 +10 rows +0\.20 s +4 s +22 kB/);
      expect(text).toMatch(/ environment +1 +5 +16 tasks +1\.00 s +5 s/);
      expect(text).toMatch(/ selfPlay · reasoner +1 +\d+ +32 items/);
      // Of the base, and after each stage.
      expect(text).toMatch(/ evaluation +4 +2 +100 questions +0\.05 s/);
      expect(text).toMatch(/ environment +1 +5 s +900 MB +4\.0 MB/);
      expect(text).toContain("memory  at least 900 MB, of 8.0 GB");
      expect(text).toContain("16 MB of models (4 folders)");
      expect(text).toContain("the beginning of sft at the configured sizes");
      expect(text).toContain("it has 120 labelled rows");
      expect(text).toContain("- environment: a trajectory had 1.5 turns and 0.3 calls of tools");
    });
  });

  test("is printed with where its figures come from", () => {
    const residentBytes = { opened: 3e8, peak: 7e8 };
    const played: StagePlan = {
      ...estimateStage(config, stage, supply, found, 4e6),
      ...{ name: "selfPlay", rounds: 2, rows: null, parameters: 1e6, openMs: 1500, residentBytes },
      probe: { ...found, scale: 2, tookMs: 12_000, cutShort: false },
      memory: estimateMemory(residentBytes, 2),
    };
    const planOf = (changed: Partial<StagePlan> = {}): Plan => ({
      stages: [{ ...played, ...changed }],
      ...sumOfCosts([played]),
      checkpointBytes: checkpointBytes(config, 4e6),
      images: 2000,
      machine: { memoryBytes: 8e9, freeDiskBytes: 1e6 },
    });
    const text = planText(config, planOf());
    expect(text).toMatch(/reasoner +2 +15 +32 items +0\.20 s +3 s +15 kB/);
    expect(text).toContain("time    about 9 s for 2 rounds\n");
    expect(text).toContain("memory  at least 700 MB to 1.1 GB, of 8.0 GB");
    expect(text).toContain(
      "disk    112 MB: 16 MB of models (4 folders), 96 MB of checkpoints and 63 kB of replay; 1.0 MB are free: NOT ENOUGH",
    );
    expect(text).toContain("at 1/2 of the configured sizes with learning rates of 0, in 12 s");
    expect(text).toContain("evaluation by 2.00");
    expect(planText(config, planOf({ unknown: ["reasoner"] }))).toContain(
      "without the reasoner phase, which is unknown",
    );
    const probe = { ...played.probe, cutShort: true, tookMs: 120_000 };
    const cut = planText(config, planOf({ probe }));
    expect(cut).toContain("time    roughly 9 s for 2 rounds\n");
    expect(cut).toContain("time was up after 2 min");
    expect(cut).toContain("a rough estimate");
    const { reasoner, ...phases } = played.phases;
    const guess = { ...phases, reasoner: { ...(reasoner as PhaseEstimate), guessed: true } };
    expect(planText(config, planOf({ phases: guess }))).toMatch(/reasoner .* ~ 0\.20 s +~ 3 s/);
  });
});

test("bytes", () => {
  expect([0, 999, 1500, 23_400_000, 1.2e9, 5e15].map(bytes)).toEqual([
    ...["0 B", "999 B", "1.5 kB", "23 MB", "1.2 GB", "5000 TB"],
  ]);
});
