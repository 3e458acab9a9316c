import { concatMap, from } from "rxjs";
import { describe, expect, it } from "vitest";
import type { SavedRun } from "../../arena/arena.ts";
import type { RunConfig } from "../../arena/config/config.ts";
import { allRounds, stagesOf, startFolder } from "../../arena/config/stages.ts";
import { stageAt } from "../../arena/run_state.ts";
import { emptySummary, summarize } from "../../arena/summary.ts";
import type { RunEvent } from "../../replay/events.ts";
import { plannedPhases } from "../../watch/planned_phases.ts";
import { MemoryCheckpoints } from "../fakes/checkpoints.ts";
import { ofType, playIn, withoutTimes } from "../fakes/play.ts";
import { makeWorld, smallConfig, type World } from "../fakes/world.ts";

const twice = smallConfig((change) => {
  change.rounds = 2;
  change.stages = [
    { kind: "self_play", rounds: 1, requires: {} },
    { kind: "self_play", rounds: null, requires: {} },
  ];
  change.checkpoint.everySteps = 2;
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
  return {
    ...makeWorld(),
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

  it("come to the same from every checkpoint", async () => {
    const whole = await played(twice);
    const { saved } = whole.world.checkpoints;
    expect(new Set(saved.map(({ state }) => state.next.stage))).toEqual(new Set([0, 1]));
    for (const checkpoint of saved) {
      const world = evaluatedWorld();
      world.log.events.push(...whole.events.slice(0, checkpoint.state.replay));
      for (const role of ["questioner", "reasoner"] as const)
        for (const [folder, version] of whole.world.policies[role].states)
          world.policies[role].states.set(folder, version);
      const again = await played(twice, world, checkpoint);
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
