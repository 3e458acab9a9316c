import { describe, expect, it } from "vitest";
import type { SavedRun } from "../../arena/arena.ts";
import { allRounds, stagesOf, startFolder } from "../../arena/config/stages.ts";
import { stageAt } from "../../arena/run_state.ts";
import { emptySummary, summarize } from "../../arena/summary.ts";
import { VisplayError } from "../../common/errors.ts";
import { textOf } from "../../policy/prompts.ts";
import type { RunEvent } from "../../replay/events.ts";
import { plannedPhases } from "../../watch/planned_phases.ts";
import { ofType, playIn, withoutTimes } from "../fakes/play.ts";
import { FakePolicy, type FakePolicyOptions } from "../fakes/policy.ts";
import {
  copy,
  evaluatedWorld,
  fivefold,
  grpo,
  guess,
  items,
  played,
  selfPlay,
  sft,
} from "../fakes/stages.ts";
import { reasonerScript, smallConfig, type World } from "../fakes/world.ts";

const twice = smallConfig((change) => {
  change.rounds = 2;
  Object.assign(change, { stages: [{ ...selfPlay, rounds: 1 }, selfPlay] });
  change.checkpoint.everySteps = 2;
  change.evaluation.questions = 1;
});

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
    ["of every kind", fivefold],
  ])("come to the same from every checkpoint: %s", async (_name, config) => {
    const whole = await played(config);
    expect(whole.completed).toBe(true);
    const started = ofType(whole.events, "phaseStarted").map(({ round, phase }) => ({ round, phase }));
    expect(started).toEqual(plannedPhases(config));
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
        const first = { ...selfPlay, rounds: 1, requires: { greedy: 10, maj8: percent } };
        Object.assign(change, { stages: [first, selfPlay] });
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
    const { world, events, error } = await played(fivefold);
    expect(error).toBe(undefined);
    const { supervised } = world.policies.reasoner;
    const steps = ofType(events, "supervisedStep").filter(({ phase }) => phase === "sft");
    // 3 of 30 rows are held out, and 27 make 4 steps of 8 in an epoch.
    expect(steps.map(({ step, steps }) => [step, steps])).toEqual(
      Array.from({ length: 7 }, (_, i) => [i, 7]),
    );
    expect(supervised.length).toBe(7 + 3);
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
    const { events } = await played(fivefold);
    const steps = ofType(events, "supervisedStep").filter(({ phase }) => phase === "sft");
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
    const { events } = await played(fivefold);
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
    const { events } = await played(fivefold);
    const once = await played({
      ...fivefold,
      stages: [sft, { ...grpo, samplingCalls: 1 }, guess, copy, selfPlay],
    });
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
