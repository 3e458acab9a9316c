import { describe, expect, it } from "vitest";
import type { RunConfig } from "../../arena/config/config.ts";
import type { EnvironmentStage } from "../../arena/config/stages.ts";
import { cliff } from "../fakes/cliff.ts";
import { configOf } from "../fakes/config.ts";
import { ofType } from "../fakes/play.ts";
import type { Script } from "../fakes/policy.ts";
import { type Evaluated, evaluatedWorld, played, storiesFromCheckpoints } from "../fakes/stages.ts";
import { makeWorld, smallConfig } from "../fakes/world.ts";

/** A run of stages at the cliff, whose tasks stand from easy to hard. */
function runOf(...stages: readonly object[]): RunConfig {
  const shared = {
    ...{
      kind: "environment",
      environment: "./cliff.ts",
      itemsPerStep: 4,
      groupSize: 4,
      maxTurns: 1,
      beta: 0,
    },
    steps: 8,
  };
  const made = configOf({ stages: stages.map((each) => ({ ...shared, ...each })) }).stages;
  return smallConfig((change) => {
    Object.assign(change, { stages: made as readonly EnvironmentStage[] });
    change.evaluation.questions = 0;
    change.checkpoint.everySteps = 1;
  });
}

function worldOf(script: Script, stages = 1): Evaluated {
  const { policies, time } = makeWorld({ reasoner: { script } });
  const environments = Array.from({ length: stages }, () => cliff(40));
  return { ...evaluatedWorld(), time, clock: time, policies, environments };
}

/** Falls half of the time until its second update, and never after. */
const steadier: Script = (_, stream, version) =>
  version < 2 && stream.uniform() < 0.5 ? "jump 0" : `walk ${1 + stream.integer(3)}`;
const widening = { start: 0.2, by: 0.3, success: 90 };

/** The highest task of each step. */
function farthest(events: Parameters<typeof ofType>[0]): number[] {
  const tasks: number[][] = [];
  for (const { step, image } of ofType(events, "reasonerEpisode"))
    tasks[step] = [...(tasks[step] ?? []), image.index];
  return tasks.map((own) => Math.max(...own));
}

describe("a stage whose tasks become harder", () => {
  it("begins with the first of them, and opens more after a step with enough success", async () => {
    const { events, error } = await played(runOf({ widening }), worldOf(steadier));
    expect(error).toBe(undefined);
    const widened = ofType(events, "tasksWidened");
    expect(widened.map(({ step, from, share, success }) => [step, from, share, success])).toEqual([
      [2, 0.2, 0.5, 1],
      [3, 0.5, 0.8, 1],
      [4, 0.8, 1, 1],
    ]);
    // A step's tasks begin while the one before is played: it counts for the step after the next.
    const most = [8, 8, 8, 8, 20, 32, 40, 40];
    const found = farthest(events);
    expect(found.map((task, step) => task < (most[step] as number))).toEqual(most.map(() => true));
    expect(Math.max(...found.slice(5))).toBeGreaterThan(8);
  });

  it("comes to the same from every checkpoint", async () => {
    const config = runOf({ widening });
    const whole = await played(config, worldOf(steadier));
    const { story, others } = await storiesFromCheckpoints(config, whole, () => worldOf(steadier));
    expect(others.length).toBeGreaterThan(7);
    for (const other of others) expect(other).toEqual({ completed: true, story });
  });

  it("opens all of them where it does not widen, or imitates", async () => {
    const all = await played(runOf({}), worldOf(steadier));
    expect(Math.max(...farthest(all.events))).toBeGreaterThan(30);
    expect(ofType(all.events, "tasksWidened")).toEqual([]);
  });
});

it("the first look of a stage says what the one before came to", async () => {
  const safety = { gate: { every: 4, tasks: 12 } };
  const { events, error } = await played(
    runOf({ safety, steps: 4 }, { safety, steps: 4 }),
    worldOf((_, stream) => `walk ${stream.integer(3)}`, 2),
  );
  expect(error).toBe(undefined);
  const looks = ofType(events, "safetyChecked");
  const before = looks.map((look) => look.before);
  const second = looks.findIndex(({ stage }) => stage === "environment2");
  expect(before[second]).toEqual({ stage: "environment", success: looks[second - 1]?.best.success });
  expect(before.filter((each) => each !== undefined).length).toBe(1);
  expect(looks[second]?.found.success).toMatchObject({ percent: 100 });
});
