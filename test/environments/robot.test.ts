import { describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { robotOptions } from "../../environments/robot/options.ts";
import { loadPhysics, work } from "../../environments/robot/physics.ts";
import { drawPicture } from "../../environments/robot/picture.ts";
import { goodPlan, parsePlan, planText } from "../../environments/robot/plan.ts";
import { openRobot } from "../../environments/robot/robot.ts";
import { cellOf, drawTable, room, sides, type Table, type Thing } from "../../environments/robot/table.ts";
import { drawWorld, knobNames, type WorldName, worldNames, worlds } from "../../environments/robot/world.ts";
import { imagesIn } from "../../policy/prompts.ts";
import type { ReasonerTemplates } from "../../reasoner/prompt.ts";
import type { Environment, Outcome } from "../../training/environment.ts";

const templates: ReasonerTemplates = { reasoner: "{question}", format: "tags" };
const open = (options: object, tasks = 50) =>
  openRobot({ ...robotOptions.parse({ explains: false, ...options }), tasks }, templates);
const say = (text: string) => ({ text, tokens: new Int32Array(3), finishReason: "stop" as const });
const answer = (plan: string) => say(`<answer> ${plan} </answer>`);
const begin = (environment: Environment, task: number, seed = task) =>
  environment.reset(task, { seed, fit: () => null });
const plain = drawWorld("simulation", {}, 0, new RandomStream(0));

/** A table with things in some cells, the first of which is the target. */
function tableOf(goal: Table["goal"], cells: readonly (readonly [row: number, column: number])[]): Table {
  const things = cells.map(
    ([row, column]): Thing => ({
      ...{ color: "red", shape: "square", angle: 0, paint: [0, 0, 0] },
      ...{ x: column + 0.5, y: row + 0.5 },
    }),
  );
  return { world: plain, things, goal, seed: 1 };
}

describe("the table", () => {
  test.each(worldNames)("in the world %s a goal can be reached as the demonstration says", async (world) => {
    await using environment = await open({ world, spread: [0, 0] });
    const outcomes: Outcome[] = [];
    for (let task = 0; task < 24; task++) {
      const { state, label } = await begin(environment, task);
      const shown = await environment.demonstrate?.(state, 0);
      expect(shown).toContain(`<answer> ${label} </answer>`);
      outcomes.push(await environment.step(state, say(shown as string)));
    }
    const done = outcomes.filter((outcome) => outcome.turns === null && outcome.success).length;
    // Latency and little friction make some plans that look good collide.
    expect(done).toBeGreaterThanOrEqual(world === "simulation" ? 24 : 18);
  });

  test("is the same for the same task and seed, and goes on from a state in the same way", async () => {
    await using one = await open({ world: "real" });
    await using other = await open({ world: "real" });
    for (const task of [3, 4, 5]) {
      const [a, b] = [await begin(one, task), await begin(other, task)];
      expect(b).toEqual(a);
      const plan = say((await one.demonstrate?.(a.state, 0)) as string);
      const first = await one.step(a.state, plan);
      expect(await other.step(structuredClone(a.state), plan)).toEqual(first);
      expect(await one.step(a.state, plan)).toEqual(first);
    }
  });

  test("explains itself to models that have not learnt to be asked", async () => {
    await using environment = await open({ explains: true });
    const { turns, question } = await begin(environment, 1);
    const text = turns[0]?.parts[1] as string;
    expect(text).toContain("such as p12 left");
    expect(text.endsWith(`Task: ${question}`)).toBe(true);
  });

  test("measures policies on tables of its own, as wide as its widest", async () => {
    await using environment = await open({ spread: [0, 1] }, 5);
    const { suite } = environment;
    if (!suite) throw new Error("no suite");
    const learnt = await begin(environment, 4, 7);
    const measured = await begin(suite, 4, 7);
    expect(measured.state).not.toEqual(learnt.state);
    expect(suite.constraints).toEqual([{ name: "collision", kind: "hard", penalty: 10 }]);
  });

  test("departs from what is usual the more the later a task comes", async () => {
    const lights = async (spread: readonly [number, number]) => {
      await using environment = await open({ spread }, 30);
      const starts = await Promise.all(Array.from({ length: 30 }, (_, task) => begin(environment, task)));
      return starts.map(({ state }) => Math.abs((state as { table: Table }).table.world.light - 1));
    };
    expect(new Set(await lights([0, 0]))).toEqual(new Set([0]));
    const rising = await lights([0, 1]);
    expect(rising[0]).toBe(0);
    const sum = (some: readonly number[]) => some.reduce((total, each) => total + each, 0);
    expect(sum(rising.slice(15))).toBeGreaterThan(2 * sum(rising.slice(0, 15)));
  });
});

describe("work on a table", () => {
  test("touches what lies in the way, and only pushes what it is to push", async () => {
    await loadPhysics();
    const reach = tableOf({ verb: "reach", target: 0 }, [
      [1, 1],
      [1, 3],
    ]);
    const free = work(reach, { cell: "p11", from: "left" }, 0);
    expect([free.touched, free.struck]).toEqual([0, null]);
    expect(free.moved).toBeLessThan(0.2);
    const blocked = work(reach, { cell: "p11", from: "right" }, 0);
    expect([blocked.touched, blocked.struck]).toEqual([1, 1]);
    const beside = work(reach, { cell: "p31", from: "left" }, 0);
    expect([beside.touched, beside.struck]).toEqual([null, null]);
    expect(beside.things.map(cellOf)).toEqual(reach.things.map(cellOf));
    const push = tableOf({ verb: "push", target: 0, to: "below" }, [
      [1, 1],
      [0, 3],
    ]);
    const pushed = work(push, { cell: "p11", from: "above" }, 0);
    expect(pushed.moved).toBeGreaterThan(0.5);
    expect(pushed.things[0]?.y).toBeGreaterThan(2);
    expect(pushed.things[0]?.x).toBeCloseTo(1.5, 1);
  });

  test("shoves farther with latency and on a smooth table, until the thing hits the next", async () => {
    await loadPhysics();
    const near = tableOf({ verb: "reach", target: 0 }, [
      [1, 1],
      [1, 2],
    ]);
    const movedIn = (change: object) =>
      work({ ...near, world: { ...plain, ...change } }, { cell: "p11", from: "left" }, 0);
    expect(movedIn({}).struck).toBe(null);
    expect(movedIn({ latency: 0.1 }).moved).toBeGreaterThan(movedIn({ latency: 0.03 }).moved + 0.1);
    expect(movedIn({ friction: 0.1 }).moved).toBeGreaterThan(movedIn({ friction: 0.9 }).moved);
    expect(movedIn({ latency: 0.15, friction: 0.15 }).struck).toBe(1);
  });

  test("costs what a hard constraint says, for the task is over, and earns nothing else", async () => {
    await using environment = await open({ spread: [0, 0] });
    let struck = 0;
    for (let task = 0; task < 40; task++) {
      const { state } = await begin(environment, task);
      const { table } = state as { readonly table: Table };
      const { goal, things } = table;
      if (goal.verb !== "reach") continue;
      const blocked = sides.find((side) => room(things, goal.target, side) === 1);
      if (!blocked) continue;
      const plan = answer(planText({ cell: cellOf(things[goal.target] as Thing), from: blocked }));
      const outcome = await environment.step(state, plan);
      expect(outcome).toEqual({
        turns: null,
        parts: { success: 0 },
        costs: { collision: 1 },
        success: false,
      });
      expect(await environment.foresee?.(state, plan)).toEqual({ collision: 1 });
      const safe = answer(planText(goodPlan(table)));
      expect(await environment.foresee?.(state, safe)).toEqual({});
      struck++;
    }
    expect(struck).toBeGreaterThan(2);
    const { state } = await begin(environment, 0);
    const waits = say((await environment.fallback?.(state)) as string);
    expect(await environment.step(state, waits)).toEqual({
      turns: null,
      parts: { success: 0 },
      costs: {},
      success: false,
    });
  });

  test("that touches nothing shows the table again", async () => {
    await using environment = await open({ spread: [0, 0] });
    for (let task = 0; task < 20; task++) {
      const { state, turns, question } = await begin(environment, task);
      const { table } = state as { readonly table: Table };
      const rows = new Set(table.things.map((thing) => cellOf(thing)[1]));
      const empty = ["0", "1", "2", "3"].find((row) => !rows.has(row));
      if (table.goal.verb === "find" || empty === undefined) continue;
      const outcome = await environment.step(state, answer(`p${empty}0 left`));
      if (outcome.turns === null) throw new Error("it is over");
      expect(outcome.parts).toEqual({ missed: -0.1 });
      expect(outcome.turns[0]?.parts[1]).toBe(question);
      // The same table, in other noise.
      expect(imagesIn(outcome.turns)[0]?.id).not.toBe(imagesIn(turns)[0]?.id);
      expect(await environment.demonstrate?.(outcome.state, 1)).toBe(
        await environment.demonstrate?.(state, 0),
      );
      const second = await environment.step(outcome.state, answer(`p${empty}0 left`));
      if (second.turns === null) throw new Error("it is over");
      // Whoever misses for the third time has had enough time.
      expect(await environment.step(second.state, answer(`p${empty}0 left`))).toEqual({
        ...{ turns: null, parts: { success: 0, missed: -0.1 }, costs: {}, success: false },
      });
      return;
    }
    throw new Error("no table with an empty row");
  });
});

test("nobody foresees by the physics of the real world, for which its simulation has to do", async () => {
  await using environment = await open({ world: "real" });
  let differ = 0;
  for (let task = 0; task < 16; task++) {
    const { state, label } = await begin(environment, task);
    const { table, turn } = state as { readonly table: Table; readonly turn: number };
    const world = { ...table.world, friction: 0.05, latency: 0.2, touch: 0 };
    const slippery = { table: { ...table, world }, turn };
    const plan = answer(label as string);
    expect(await environment.foresee?.(slippery, plan)).toEqual(await environment.foresee?.(state, plan));
    const [here, there] = [await environment.step(state, plan), await environment.step(slippery, plan)];
    if (here.costs?.collision !== there.costs?.collision) differ++;
  }
  expect(differ).toBeGreaterThan(0);
});

test("a plan is the first cell and the first side that are named", () => {
  expect(parsePlan("p12 left")).toEqual({ cell: "p12", from: "left" });
  expect(parsePlan("Reach P30 from above, not from below.")).toEqual({ cell: "p30", from: "above" });
  expect(parsePlan("p01")).toEqual({ cell: "p01", from: null });
  expect(parsePlan("p44 left")).toBe(null);
  expect(parsePlan("wait")).toBe(null);
});

describe("worlds", () => {
  test.each(worldNames)("%s is drawn from its ranges, its own or those that are given", (name: WorldName) => {
    for (let seed = 0; seed < 50; seed++) {
      const own = { light: [0.2, 0.3], tilt: [40, 41] } as const;
      const drawn = drawWorld(name, own, 1, new RandomStream(seed));
      for (const knob of knobNames) {
        const [low, high] = knob in own ? own[knob as keyof typeof own] : worlds[name].ranges[knob];
        expect(drawn[knob], knob).toBeGreaterThanOrEqual(low);
        expect(drawn[knob], knob).toBeLessThanOrEqual(high);
      }
      expect(worlds[name].patterns).toContain(drawn.pattern);
    }
  });

  test("what is usual lies within the ranges, but for what a clean simulation lacks", () => {
    for (const name of ["target", "real"] as const)
      for (const knob of knobNames) {
        const [low, high] = worlds[name].ranges[knob];
        expect(worlds[name].usual[knob], `${name} ${knob}`).toBeGreaterThanOrEqual(low);
        expect(worlds[name].usual[knob], `${name} ${knob}`).toBeLessThanOrEqual(high);
      }
  });

  test("look as they are: dark, shifted, patterned", async () => {
    const table = drawTable(plain, new RandomStream(3));
    const mean = async (change: object) => {
      const { data } = await drawPicture({ ...table, world: { ...plain, noise: 0, ...change } }, 0);
      return data.reduce((sum, value) => sum + value, 0) / data.length;
    };
    const bright = await mean({});
    expect(await mean({ light: 0.5 })).toBeCloseTo(bright / 2, -1);
    expect(await mean({ texture: 1, pattern: "checks" })).toBeLessThan(bright - 5);
    const ids = await Promise.all(
      [{}, { tilt: 10 }, { turn: 5 }, { shift: 0.2 }].map(async (change) => {
        return (await drawPicture({ ...table, world: { ...plain, noise: 0, ...change } }, 0)).id;
      }),
    );
    expect(new Set(ids).size).toBe(4);
  });

  test.each([
    [{ world: "reality" }, /expected one of simulation, target, real/],
    [{ ranges: { light: [1, 0.5] } }, /expected \[least, most\]/],
    [{ ranges: { colours: [0, 1] } }, /colours/],
    [{ spread: [0, 2] }, /1/],
  ])("settings with a typo are refused: %o", (options, message) => {
    expect(() => robotOptions.parse(options)).toThrow(message);
  });
});
