import { describe, expect, it, test } from "vitest";
import { drawnTasks, isJoint, splitTasks } from "../../arena/config/skills.ts";
import type { EnvironmentStage } from "../../arena/config/stages.ts";
import { configOf } from "../fakes/config.ts";
import { guessing } from "../fakes/guessing.ts";
import { ofType } from "../fakes/play.ts";
import { evaluatedWorld, guess, played } from "../fakes/stages.ts";
import { smallConfig } from "../fakes/world.ts";

/** A stage in `guessing` with tools that nobody calls. */
function stageOf(more: object): EnvironmentStage {
  const tools = { use: ["zoom"] };
  return configOf({ stages: [{ ...guess, tools, reward: "agent", ...more }] }).stages[0] as EnvironmentStage;
}

describe("a stage that trains what is said of pictures, tools and answers together", () => {
  /** What is said of the pictures of guesses is right to 0.8. */
  const judging = { ...guessing(40), understanding: async () => 0.8 };

  async function play(floors: object, more: object = {}) {
    const config = smallConfig((change) => {
      Object.assign(change, { stages: [stageOf({ floors: { tasks: 12, ...floors }, ...more })] });
      change.evaluation.questions = 0;
    });
    return played(config, { ...evaluatedWorld(), environments: [judging] });
  }

  it("measures both first, on tasks that it does not learn from", async () => {
    const { events, error } = await play({ understanding: 79, toolUse: 0 });
    expect(error).toBe(undefined);
    const types = events.map(({ type }) => type);
    expect(types.indexOf("skillsMeasured")).toBeLessThan(types.indexOf("reasonerStep"));
    const [measured, ...others] = ofType(events, "skillsMeasured");
    expect(others).toEqual([]);
    expect(measured).toMatchObject({ tasks: 12, understanding: { percent: expect.closeTo(80, 9) } });
    // Nobody calls anything, so that a tool was used well where none was needed.
    expect(measured?.toolUse).toEqual(measured?.success);
    const { low, high } = measured?.understanding ?? { low: 0, high: 0 };
    expect([low < 80, high > 80]).toEqual([true, true]);
    const learnt = ofType(events, "reasonerEpisode").map(({ image }) => image.index);
    expect(Math.max(...learnt)).toBeLessThan(28);
    for (const { parts } of ofType(events, "reasonerStep")) expect(parts.understanding).toBeCloseTo(0.8, 12);
  });

  it("ends the run before it learns where one comes to less than its floor, and says which and how to go on", async () => {
    const { events, error } = await play({ understanding: 81, toolUse: 0 });
    expect(error).toMatchObject({ code: "belowFloor" });
    expect((error as Error).message).toMatch(
      /^the stage environment trains .*: understanding: found 80.0% \(\d+\.\d to \d+\.\d\) of 12 held-out tasks, expected at least 81% \(stages.0.floors.understanding\); train each apart first/,
    );
    expect(ofType(events, "reasonerStep")).toEqual([]);
    expect(ofType(events, "skillsMeasured").length).toBe(1);
    expect(events.at(-1)).toMatchObject({ type: "runFailed", code: "belowFloor" });
    const both = await play({ understanding: 100, toolUse: 100 });
    expect((both.error as Error).message).toMatch(
      /understanding: .*stages.0.floors.understanding\); toolUse: /,
    );
  });

  it("goes on from where it ended once the floor is lower, and measures again", async () => {
    const refused = await play({ understanding: 81, toolUse: 0 });
    const { checkpoints, log } = refused.world;
    const config = smallConfig((change) => {
      Object.assign(change, { stages: [stageOf({ floors: { tasks: 12, understanding: 79, toolUse: 0 } })] });
      change.evaluation.questions = 0;
    });
    const saved = checkpoints.saved.at(-1) as (typeof checkpoints.saved)[number];
    const before = log.events.length;
    const { events, error } = await played(config, refused.world, saved);
    expect(error).toBe(undefined);
    const later = events.slice(before);
    expect(ofType(later, "skillsMeasured").length).toBe(1);
    expect(ofType(later, "reasonerStep").length).toBe(guess.steps);
  });

  it("measures nothing where only one of them is trained, or it imitates", async () => {
    for (const more of [
      { reward: { preset: "agent", weights: { toolUse: 0 } } },
      { reward: { preset: "agent", weights: { understanding: 0 } } },
      { imitates: true },
    ]) {
      const { events, error } = await play({ understanding: 100, toolUse: 100 }, more);
      expect(error).toBe(undefined);
      expect(ofType(events, "skillsMeasured")).toEqual([]);
    }
  });
});

test("tasks are split where both are trained: the last ones, half of them at most, are held out", () => {
  const joint = stageOf({ floors: { tasks: 100 } });
  expect(isJoint(joint)).toBe(true);
  expect(splitTasks(joint, 1000)).toEqual({ taught: 900, heldOut: 100 });
  expect(splitTasks(joint, 60)).toEqual({ taught: 30, heldOut: 30 });
  expect(splitTasks({ ...joint, rows: 500 }, 1000)).toEqual({ taught: 500, heldOut: 100 });
  expect(splitTasks({ ...joint, rows: 8 }, 108)).toEqual({ taught: 8, heldOut: 100 });
  const alone = stageOf({ reward: {} });
  expect(splitTasks(alone, 60)).toEqual({ taught: 60, heldOut: 0 });
  expect(splitTasks({ rows: 10 }, 60)).toEqual({ taught: 10, heldOut: 0 });
  // Scenes are drawn, so that held-out ones come beside those that are learnt from.
  expect(drawnTasks({ ...joint, rows: 500 }, 10_000)).toBe(600);
  expect(drawnTasks({ ...alone, rows: 500 }, 10_000)).toBe(500);
  expect(drawnTasks(joint, 10_000)).toBe(10_000);
});
