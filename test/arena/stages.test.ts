import { concatMap, from } from "rxjs";
import { describe, expect, it } from "vitest";
import type { SavedRun } from "../../arena/arena.ts";
import type { RunConfig } from "../../arena/config/config.ts";
import {
  allRounds,
  type EnvironmentStage,
  type GrpoStage,
  type SelfPlayStage,
  type SftStage,
  stagesOf,
  startFolder,
} from "../../arena/config/stages.ts";
import { stageAt } from "../../arena/run_state.ts";
import { emptySummary, summarize } from "../../arena/summary.ts";
import { VisplayError } from "../../common/errors.ts";
import { dataQuestions } from "../../environments/data.ts";
import { questionEnvironment } from "../../environments/question.ts";
import { openRewarder } from "../../environments/task_reward.ts";
import { textOf } from "../../policy/prompts.ts";
import type { RunEvent } from "../../replay/events.ts";
import { plannedPhases } from "../../watch/planned_phases.ts";
import { MemoryCheckpoints } from "../fakes/checkpoints.ts";
import { configOf } from "../fakes/config.ts";
import { guessing } from "../fakes/guessing.ts";
import { ofType, playIn, withoutTimes } from "../fakes/play.ts";
import { FakePolicy, type FakePolicyOptions } from "../fakes/policy.ts";
import { FakeImages, makeWorld, reasonerScript, smallConfig, type World } from "../fakes/world.ts";

const twice = smallConfig((change) => {
  change.rounds = 2;
  change.stages = [
    { kind: "self_play", rounds: 1, requires: {} },
    { kind: "self_play", rounds: null, requires: {} },
  ];
  change.checkpoint.everySteps = 2;
  change.evaluation.questions = 1;
});

/** Labelled questions about the world's images: how many dots, and some more. */
const items = Array.from({ length: 30 }, (_, index) => ({
  question: `how many dots plus ${index % 3} ?`,
  truths: [`${(index % 10) + (index % 3)}`],
  chain: index % 2 === 0 ? "i count" : null,
}));

const [sft, grpo, guess, selfPlay] = configOf({
  stages: [
    { kind: "sft", data: "rows", itemsPerStep: 8, epochs: 2, heldOutEvery: 3, schedule: "linear" },
    { kind: "grpo", data: "rows", itemsPerStep: 6, steps: 4, groupSize: 4, samplingCalls: 3 },
    {
      ...{
        kind: "environment",
        environment: "./guessing.ts",
        itemsPerStep: 4,
        steps: 5,
        groupSize: 4,
        maxTurns: 3,
      },
      ...{ samplingCalls: 2, reward: { moduleWeights: { tries: 2 } } },
    },
    { kind: "self_play" },
  ],
}).stages as readonly [SftStage, GrpoStage, EnvironmentStage, SelfPlayStage];
const rewarder = await openRewarder(grpo.reward, grpo.maxTokens);

const fourfold = smallConfig((change) => {
  Object.assign(change, { stages: [sft, grpo, guess, selfPlay] });
  change.checkpoint.everySteps = 1;
  change.evaluation.questions = 1;
});

interface Evaluated extends World {
  readonly checkpoints: MemoryCheckpoints;
}

/** A world whose Reasoner gets `percent` of all questions right. */
function evaluatedWorld(percent = 50): Evaluated {
  const figures = ["greedy", "mean8", "mean8_t06", "maj8", "pass8", "blind", "abstention", "parseFailure"];
  const score = { percent, low: percent, high: percent };
  const overall = { questions: 1, ...Object.fromEntries(figures.map((name) => [name, score])) } as never;
  const world = makeWorld();
  const labelled = { images: new FakeImages(30, world.time, (index) => index % 9 === 8), items };
  const asked = questionEnvironment(dataQuestions("rows", labelled), world.templates, rewarder);
  return {
    ...world,
    labelled: [labelled],
    environments: [null, asked, guessing(12)],
    checkpoints: new MemoryCheckpoints(),
    evaluate: (policy) =>
      from(policy.info()).pipe(concatMap(() => [{ report: { samples: 8, overall, families: {} } }])),
  };
}

async function played(config: RunConfig, world = evaluatedWorld(), saved: SavedRun | null = null) {
  const { completed, error } = await playIn(world, config, undefined, saved);
  return { world, completed, error, events: world.log.events };
}

function story(events: readonly RunEvent[]): unknown[] {
  const own = new Set(["checkpointSaved", "runResumed"]);
  return events.filter(({ type }) => !own.has(type)).map(withoutTimes);
}

describe("the stages of a run", () => {
  it("are played in turn, their rounds counted through, each under a name of its own", async () => {
    const { completed, events } = await played(twice);
    expect(completed).toBe(true);
    const rounds = ofType(events, "modelsSaved").map(({ stage, round, folders }) => [
      stage,
      round,
      folders.reasoner,
    ]);
    expect(rounds).toEqual([
      ["selfPlay", 1, "round-1/reasoner"],
      ["selfPlay2", 2, "round-2/reasoner"],
      ["selfPlay2", 3, "round-3/reasoner"],
    ]);
    expect(ofType(events, "evaluated").map(({ round }) => round)).toEqual([0, 1, 2, 3]);
    const phases = ofType(events, "phaseStarted").map(({ round, phase }) => ({ round, phase }));
    expect(phases).toEqual(plannedPhases(twice));
    expect(events.at(-1)).toMatchObject({ type: "runFinished", rounds: 3 });
    const steps = events.filter(({ type }) => type === "reasonerStep").length;
    expect(ofType(events, "runFinished")[0]?.updates).toEqual({ questioner: 9, reasoner: steps });
    expect(events.reduce(summarize, emptySummary).rounds.map(({ round, stage }) => [round, stage])).toEqual([
      [0, "selfPlay"],
      [1, "selfPlay"],
      [2, "selfPlay2"],
      [3, "selfPlay2"],
    ]);
  });

  it("start from the Reasoner of the stage before, with optimisers of their own", async () => {
    const [first, second] = stagesOf(twice);
    expect(allRounds(twice)).toBe(3);
    expect(first && startFolder(first)).toBe(null);
    expect(second && startFolder(second)).toBe("round-1/reasoner");
    const opened: string[] = [];
    const world = evaluatedWorld();
    const { open } = world;
    world.open = function (this: World, stage) {
      opened.push(stage.name);
      return open.call(this, stage);
    };
    await played(twice, world);
    expect(opened).toEqual(["selfPlay", "selfPlay2"]);
    const rates = world.policies.reasoner.updates.map(({ options }) => options.learningRate);
    const later = rates.slice(
      ofType(world.log.events, "reasonerStep").filter(({ round }) => round === 1).length,
    );
    // Warmed up anew, and not yet fallen by rounds.
    expect(later[0]).toBe(rates[0]);
  });

  it.each([
    ["of self-play", twice],
    ["of every kind", fourfold],
  ])("come to the same from every checkpoint: %s", async (_name, config) => {
    const whole = await played(config);
    expect(whole.completed).toBe(true);
    const { saved } = whole.world.checkpoints;
    expect(new Set(saved.map(({ state }) => state.next.stage))).toEqual(new Set(config.stages.keys()));
    for (const checkpoint of saved.filter((_, i) => i % 3 === 1)) {
      const world = evaluatedWorld();
      world.log.events.push(...whole.events.slice(0, checkpoint.state.replay));
      for (const role of ["questioner", "reasoner"] as const)
        for (const [folder, version] of whole.world.policies[role].states)
          world.policies[role].states.set(folder, version);
      const again = await played(config, world, checkpoint);
      expect(again.completed).toBe(true);
      expect(story(again.events)).toEqual(story(whole.events));
    }
  });

  it("end the run where one does not come to what it requires, also when it is gone on with", async () => {
    const demanding = (percent: number) =>
      smallConfig((change) => {
        Object.assign(change, twice);
        change.stages = [
          { kind: "self_play", rounds: 1, requires: { greedy: 10, maj8: percent } },
          { kind: "self_play", rounds: null, requires: {} },
        ];
      });
    const failed = await played(demanding(60));
    expect(failed.error).toMatchObject({ code: "belowFloor" });
    expect((failed.error as Error).message).toMatch(
      /^the stage selfPlay did not .*: maj8: found 50.0%, expected at least 60% \(stages.0.requires.maj8\); /,
    );
    expect(failed.events.at(-1)).toMatchObject({ type: "runFailed", code: "belowFloor" });
    expect(ofType(failed.events, "modelsSaved").length).toBe(1);
    const last = failed.world.checkpoints.saved.at(-1) as SavedRun;
    expect((await played(demanding(60), failed.world, last)).error).toMatchObject({ code: "belowFloor" });
    expect((await played(demanding(50), failed.world, last)).completed).toBe(true);
  });

  it("are refused where they are not those in which the run stands", () => {
    const next = { stage: 1, round: 2, leg: "reasoner", step: 3 } as const;
    expect(stageAt(twice, next).name).toBe("selfPlay2");
    const fewer = { ...twice, stages: twice.stages.slice(1) };
    expect(() => stageAt(fewer, next)).toThrow(
      "stages: found selfPlay; expected those of the run, which stands in stage 2, round 2, reasoner, step 3",
    );
  });
});

describe("a stage that imitates", () => {
  it("is one update a step on the answers in the run's format, the rate along its schedule", async () => {
    const { world, events, error } = await played(fourfold);
    expect(error).toBe(undefined);
    const { supervised } = world.policies.reasoner;
    const steps = ofType(events, "supervisedStep");
    // 3 of 30 rows are held out, and 27 make 4 steps of 8 in an epoch.
    expect(steps.map(({ step, steps }) => [step, steps])).toEqual(
      Array.from({ length: 7 }, (_, i) => [i, 7]),
    );
    expect(supervised.length).toBe(7);
    const texts = steps.flatMap(({ examples }) => examples.map(({ completion }) => completion));
    expect(texts.filter((text) => text.startsWith("<question>")).length).toBe(texts.length / 2);
    expect(texts.find((text) => text.startsWith("<think>"))).toMatch(
      /^<think> i count <\/think>\n<answer> \d+ <\/answer>$/,
    );
    for (const { examples } of steps)
      for (const { image, question, completion } of examples) {
        const item = items[image.index];
        expect([item?.question, null]).toContain(question);
        if (question === null) expect(completion).toContain(`<question> ${item?.question} </question>`);
        expect(completion).toContain(`<answer> ${item?.truths[0]} </answer>`);
      }
    const warm = [0.2, 0.4, 0.6, 0.8, 1, 1, 1];
    const expected = warm.map((share, i) => sft.learningRate * share * (1 - i / 7));
    for (const [i, rate] of expected.entries())
      expect(supervised[i]?.options.learningRate).toBeCloseTo(rate, 12);
  });

  it("never learns from what is held out, whose loss it measures now and then", async () => {
    const { events } = await played(fourfold);
    const steps = ofType(events, "supervisedStep");
    expect(steps.map(({ heldOutLoss }) => heldOutLoss)).toEqual([1, null, null, 1, null, null, 1]);
    const learnt = new Set(steps.flatMap(({ examples }) => examples.map(({ image }) => image.index)));
    const broken = ofType(events, "rolloutFailed").filter(({ phase }) => phase === "sft");
    expect(broken.length).toBeGreaterThan(0);
    expect(broken.every(({ image }) => image.index % 9 === 8)).toBe(true);
    const seen = new Set([...learnt, ...broken.map(({ image }) => image.index)]);
    expect(seen.size).toBeGreaterThanOrEqual(27);
    expect(seen.size).toBeLessThanOrEqual(30);
    const summary = events.reduce(summarize, emptySummary);
    expect(summary.rounds.find(({ stage }) => stage === "sft")?.heldOutLoss).not.toBeUndefined();
  });

  it("leaves out an answer that is too long, and a question that the model cannot take", async () => {
    const config = smallConfig((change) => {
      change.stages = [{ ...sft, maxTokens: 3 }];
    });
    const short = await played(config);
    expect(short.completed).toBe(true);
    const failed = ofType(short.events, "rolloutFailed").filter(({ reason }) => /tokens/.test(reason));
    expect(failed[0]?.reason).toMatch(
      /^what it is to teach has \d+ tokens, expected at most 3 \(stages.0.maxTokens\)$/,
    );
    const world = evaluatedWorld();
    const fault: FakePolicyOptions["fault"] = (_call, prompts) => {
      if (prompts.some(({ text }) => text.includes("plus 2"))) throw new VisplayError("prompt", "no room");
    };
    const reasoner = new FakePolicy({ script: reasonerScript, time: world.time, fault });
    const picky = { ...world, policies: { ...world.policies, reasoner } };
    const { error, completed } = await playIn(picky, { ...config, stages: [sft] });
    expect([error, completed]).toEqual([undefined, true]);
    const questions = reasoner.supervised.flatMap(({ examples }) =>
      examples.map(({ prompt }) => textOf(prompt)),
    );
    expect(questions.length).toBeGreaterThan(20);
    expect(questions.some((text) => text.includes("plus 2"))).toBe(false);
  });
});

describe("a stage of GRPO on labels", () => {
  it("rewards each answer of a group by its label, and records it", async () => {
    const { events } = await played(fourfold);
    const episodes = ofType(events, "reasonerEpisode").filter(({ stage }) => stage === "grpo");
    const { weights } = grpo.reward;
    expect(episodes.length).toBeGreaterThanOrEqual(4 * 5);
    for (const { label, confidence, role, phase, rollouts, versions } of episodes) {
      expect([confidence, role, phase, Object.keys(versions)]).toEqual([1, "reasoner", "grpo", ["reasoner"]]);
      for (const { vote, parts, reward } of rollouts) {
        expect(parts.correctness).toBe(Number(vote === label));
        const { correctness = 0, format = 0 } = parts;
        expect(reward).toBeCloseTo(weights.correctness * correctness + weights.format * format, 12);
      }
    }
    expect(ofType(events, "reasonerStep").filter(({ stage }) => stage === "grpo").length).toBe(4);
    const scored = episodes.filter(({ rollouts }) =>
      rollouts.every((each) => each.referenceLogProbs !== null),
    );
    const taught = episodes.filter(({ rollouts }) => rollouts.some(({ advantage }) => advantage !== 0));
    expect(scored).toEqual(taught);
  });

  it("replaces groups without a lesson by others, up to a limit, and counts them", async () => {
    const { events } = await played(fourfold);
    const once = await played({ ...fourfold, stages: [sft, { ...grpo, samplingCalls: 1 }, guess, selfPlay] });
    const teaching = (all: readonly RunEvent[]) =>
      ofType(all, "reasonerStep")
        .filter(({ stage }) => stage === "grpo")
        .map(({ groups, droppedGroups }) => [groups, groups - droppedGroups] as const);
    const [replaced, plain] = [teaching(events), teaching(once.events)];
    expect(plain.every(([groups]) => groups <= 6)).toBe(true);
    expect(replaced.some(([groups]) => groups > 6)).toBe(true);
    const sum = (all: typeof plain) => all.reduce((total, [, taught]) => total + taught, 0);
    expect(sum(replaced)).toBeGreaterThan(sum(plain));
    expect(replaced.every(([, taught]) => taught <= 6)).toBe(true);
  });
});

describe("a stage in an environment", () => {
  const acted = async () => {
    const { world, events, error } = await played(fourfold);
    expect(error).toBe(undefined);
    const own = events.filter(({ stage }) => stage === "environment");
    const episodes = ofType(own, "reasonerEpisode");
    return { world, own, episodes, steps: ofType(own, "reasonerStep") };
  };

  it("goes on turn by turn, and records what was observed between them", async () => {
    const { episodes } = await acted();
    const rollouts = episodes.flatMap((episode) =>
      episode.rollouts.map((rollout) => ({ episode, ...rollout })),
    );
    expect(new Set(rollouts.map(({ trajectory }) => trajectory?.turns.length))).toEqual(new Set([1, 2, 3]));
    for (const { episode, tokens, text, trajectory } of rollouts) {
      const said = text.split("\n");
      expect(trajectory?.turns.map((turn) => turn.text)).toEqual(said);
      const lengths = said.map((each) => each.split(" ").length);
      const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, length) => sum + length, 0));
      expect(tokens.length).toBe(ends.at(-1));
      expect(trajectory?.observations.map(({ after }) => after)).toEqual(ends.slice(0, -1));
      for (const { turns } of trajectory?.observations ?? [])
        expect(turns).toEqual([
          { role: "tool", parts: ["no, and now: ", { image: expect.any(String) }, expect.any(String)] },
        ]);
      expect(episode.image.name).toBe(`dots ${episode.image.index}`);
      expect(episode.turns).toBe(null);
    }
  });

  it("rewards the sums of the parts of all turns, by their weights", async () => {
    const { episodes } = await acted();
    const rollouts = episodes.flatMap((episode) => episode.rollouts);
    for (const { parts, reward, trajectory } of rollouts) {
      if (trajectory?.fault) continue;
      const turns = trajectory?.turns ?? [];
      const { correctness = 0, tries = 0 } = parts;
      expect(correctness).toBeCloseTo(
        turns.reduce((sum, { parts: earned }) => sum + (earned.correctness ?? 0), 0),
        12,
      );
      expect(tries).toBeCloseTo(-0.01 * turns.length, 12);
      expect(reward).toBeCloseTo(0.9 * correctness + 2 * tries, 12);
    }
    expect(new Set(rollouts.map(({ parts }) => parts.correctness)).size).toBeGreaterThan(2);
  });

  it("learns from what was said alone, and from no trajectory that a fault spoiled", async () => {
    const { world, episodes, own, steps } = await acted();
    const broken = ofType(own, "rolloutFailed");
    expect(new Set(broken.map(({ image, reason }) => `${image.name}: ${reason}`))).toEqual(
      new Set(["guessing, task 3: no such dots"]),
    );
    const faults = episodes.flatMap(({ image, rollouts }) =>
      rollouts.flatMap((each) => (each.trajectory?.fault ? { index: image.index, ...each } : [])),
    );
    expect(faults.length).toBeGreaterThan(0);
    for (const { index, reward, advantage, parts, trajectory } of faults) {
      expect([index, reward, advantage, parts]).toEqual([4, null, 0, {}]);
      expect(trajectory).toMatchObject({ end: "fault", fault: { kind: "late", reason: /1 s/ } });
    }
    const counted = steps.reduce((sum, { trajectories }) => sum + (trajectories?.faults.late ?? 0), 0);
    expect(counted).toBe(faults.length);
    const endless = episodes.filter(({ image }) => image.index === 5).flatMap(({ rollouts }) => rollouts);
    expect(endless.length).toBeGreaterThan(0);
    expect(endless.every(({ trajectory }) => trajectory?.end === "turns")).toBe(true);
    const updates = world.policies.reasoner.updates.slice(
      ofType(world.log.events, "reasonerStep").filter(({ stage, update }) => stage === "grpo" && update)
        .length,
    );
    const { groups, options } = updates[0] as (typeof updates)[number];
    expect(options.maxTokens).toBe(3 * guess.maxTokens);
    for (const { rollouts } of groups)
      for (const { completion } of rollouts) {
        const { tokens, logProbs, observations = [] } = completion;
        expect(logProbs.length).toBe(tokens.length);
        expect(observations.every(({ after }) => after > 0 && after < tokens.length)).toBe(true);
      }
  });
});
