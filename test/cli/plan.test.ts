import { describe, expect, test } from "vitest";
import { type Stage, stagesOf } from "../../arena/config/stages.ts";
import {
  checkpointBytes,
  estimateMemory,
  estimateStage,
  type PhaseEstimate,
  type Supply,
  sumOfCosts,
} from "../../cli/estimate.ts";
import { bytes } from "../../cli/format.ts";
import { PeakMemory } from "../../cli/peak_memory.ts";
import { planText } from "../../cli/plan_text.ts";
import type { Probe } from "../../cli/probes.ts";
import type { Plan, StagePlan } from "../../cli/run_plan.ts";
import { configOf } from "../fakes/config.ts";
import type { guess } from "../fakes/stages.ts";

describe("an estimate", () => {
  const config = configOf({
    rounds: 2,
    questioner: { stepsPerRound: 10, imagesPerStep: 16 },
    curriculum: { images: 80, imagesPerChunk: 32, questionsPerImage: 6 },
    reasoner: {
      ...{ stepsPerRound: 100, itemsPerStep: 32, maxPasses: 2 },
      imitation: { itemsPerStep: 0, descriptionsPerStep: 0 },
    },
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

  test("adds what an evaluation does after its steps: pictures that are looked at, and the encoder's images", () => {
    const pace = { sampledTokenMs: 2, learnedTokenMs: 3, encodedImageMs: 4 };
    const evaluation = { ...measured(100, 60), lookedAtMs: 5 };
    const known = { ...found, phases: { ...found.phases, evaluation }, pace };
    const { phases, totalMs } = estimateStage(config, stage, supply, known, 7);
    // 60 pictures; 200 images each time, and once the base's and 240 that are fitted to, in two evaluations.
    const looking = { madeUpMs: 60 * 5, encoderMs: 4 * (200 + (200 + 240) / 2) };
    expect(phases.evaluation).toMatchObject({ looking, totalMs: 120 + looking.madeUpMs + looking.encoderMs });
    const without = estimateStage(config, stage, supply, { ...found, pace: null }, 7);
    expect(without.phases.evaluation?.looking).toEqual({ madeUpMs: null, encoderMs: null });
    expect(totalMs - without.totalMs).toBe(2 * (looking.madeUpMs + looking.encoderMs));
    const frozen = { ...known, pace: { ...pace, encodedImageMs: null } };
    expect(estimateStage(config, stage, supply, frozen, 7).phases.evaluation?.looking?.encoderMs).toBe(0);
    // Of data that say nothing of what they show, nobody asks what is there.
    const onData = { ...config, evaluation: { ...config.evaluation, data: "rows.jsonl" } };
    const [staged] = stagesOf(onData) as [Stage];
    const ofData = estimateStage(onData, staged, supply, known, 7);
    expect(ofData.phases.evaluation?.looking).toEqual({ madeUpMs: 0, encoderMs: 4 * (400 + 400 / 2) });
  });

  test("guesses the phases that were not reached from the pace of short calls", () => {
    const { reasoner: _, ...others } = found.phases;
    const pace = { sampledTokenMs: 2, learnedTokenMs: 3, encodedImageMs: null };
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

  test("counts what is described of a curriculum's pictures, and what the base answers", () => {
    const { curriculum: _, ...others } = found.phases;
    const pace = { sampledTokenMs: 1, learnedTokenMs: 0, encodedImageMs: null };
    const chunkMs = (use: "none" | "required", questions: number) => {
      const evidence = { ...config.curriculum.evidence, use, descriptionsPerView: 5, answersPerQuestion: 2 };
      const changed = {
        ...config,
        curriculum: { ...config.curriculum, evidence },
        coEvolution: { questions, answers: 4 },
      };
      const { phases } = estimateStage(changed, stage, supply, { ...found, phases: others, pace }, 7);
      return phases.curriculum?.stepMs ?? 0;
    };
    const { maxTokens } = config.reasoner;
    expect(chunkMs("required", 0) - chunkMs("none", 0)).toBe(
      32 * 6 * (5 * config.curriculum.views + 2) * maxTokens,
    );
    expect(chunkMs("none", 40) - chunkMs("none", 0)).toBeCloseTo((32 / 80) * 40 * 4 * maxTokens, 3);
  });

  describe("of a run of several stages", () => {
    const several = configOf({
      reasoner: { imitation: { itemsPerStep: 0, descriptionsPerStep: 0 } },
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
      const pace = { sampledTokenMs: 2, learnedTokenMs: 3, encodedImageMs: null };
      const nothing: Probe = { phases: {}, admittedShare: null, trajectories: null, pace };
      const { phases } = estimateStage(several, acting, { images: 0, rows: 1000 }, nothing, 7);
      const { groupSize, maxTurns, maxTokens } = several.stages[1] as typeof guess;
      expect(phases.environment).toMatchObject({
        ...{ steps: 5, unitsPerStep: 16, guessed: true },
        stepMs: 16 * groupSize * maxTurns * maxTokens * (2 + 3),
      });
    });

    test("guesses answers of several turns where self-play has tools", () => {
      const { tools, maxTurns } = several.stages[1] as typeof guess;
      const equipped = { ...playing.config, tools: { ...tools, use: [{ name: "zoom" }] }, maxTurns };
      const pace = { sampledTokenMs: 2, learnedTokenMs: 3, encodedImageMs: null };
      const nothing: Probe = { phases: {}, admittedShare: 1, trajectories: null, pace };
      const stepMs = (config: Stage["config"]) =>
        estimateStage(several, { ...playing, config }, supply, nothing, 7).phases.reasoner?.stepMs;
      const usual = stepMs(playing.config);
      expect(usual).toBeGreaterThan(0);
      expect(stepMs(equipped as Stage["config"])).toBe((usual as number) * maxTurns);
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
      expect(text).toMatch(/ selfPlay · reasoner +1 +\d+ +8 items/);
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

test("memory is watched from when it is asked for", () => {
  const touched: Buffer[] = [];
  using first = new PeakMemory();
  const before = first.bytes;
  touched.push(Buffer.alloc(2 ** 28, 1));
  expect(first.bytes - before).toBeGreaterThan(2 ** 27);
  expect(touched).toHaveLength(1);
  expect(estimateMemory({ opened: 100, peak: 130 }, 4)).toEqual({ least: 130, most: 220 });
  // From much smaller steps nothing is said.
  expect(estimateMemory({ opened: 100, peak: 130 }, 16)).toEqual({ least: 130, most: 130 });
});

test("bytes", () => {
  expect([0, 999, 1500, 23_400_000, 1.2e9, 5e15].map(bytes)).toEqual([
    ...["0 B", "999 B", "1.5 kB", "23 MB", "1.2 GB", "5000 TB"],
  ]);
});
