import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveSeed, RandomStream } from "../../../common/random.ts";
import { photograph } from "../../../environments/driving/camera.ts";
import { decisions, moveBicycle } from "../../../environments/driving/control.ts";
import { drawScenario } from "../../../environments/driving/draw.ts";
import { decide } from "../../../environments/driving/driver.ts";
import { brakedCosts, consequenceOf, costsOf } from "../../../environments/driving/futures.ts";
import { type Scenario, worldOf } from "../../../environments/driving/scenario.ts";
import { readScenarios } from "../../../environments/driving/scenario_files.ts";
import { sense } from "../../../environments/driving/sensors.ts";
import { drive } from "../../../environments/driving/simulate.ts";
import { decisionIn, drivingWords, matching, question, reply } from "../../../environments/driving/words.ts";
import { colourAt, type Ego, type World, wheelbase } from "../../../environments/driving/world.ts";

let scenarios: readonly Scenario[];
let folder: string;
beforeAll(async () => {
  scenarios = await readScenarios(null);
  folder = await mkdtemp(join(tmpdir(), "visplay-driving-"));
});
afterAll(() => rm(folder, { recursive: true }));

const named = (name: string): Scenario => scenarios.find((each) => each.name === name) as Scenario;
const isViolated = (costs: Readonly<Record<string, number>>) => Object.values(costs).some((cost) => cost > 0);

describe("the car", () => {
  test("drives the circle that its front wheels say", () => {
    const steering = 0.2;
    const radius = wheelbase / Math.tan(steering);
    let ego: Ego = { x: 0, y: 0, heading: 0, speed: 5, acceleration: 0, lane: 0 };
    for (let i = 0; i < 400; i++) {
      ego = moveBicycle(ego, { acceleration: 0, steering }, 0.005);
      expect(Math.hypot(ego.x, ego.y - radius)).toBeCloseTo(radius, 1);
    }
    expect(ego.heading).toBeCloseTo(10 / radius, 9);
  });

  test("stops as far on as even braking takes, and stays", () => {
    let ego: Ego = { x: 0, y: 0, heading: 0, speed: 10, acceleration: 0, lane: 0 };
    for (let i = 0; i < 100; i++) ego = moveBicycle(ego, { acceleration: -5, steering: 0 }, 0.1);
    expect([ego.speed, ego.x]).toEqual([0, expect.closeTo(10, 6)]);
  });

  test("changes lanes, and comes to the middle of the new one", () => {
    const start = worldOf(named("a slow car, and a free lane beside it"));
    let { world } = drive({ ...start, cars: [] }, "left");
    for (let i = 0; i < 5; i++) world = drive(world, "keep").world;
    expect([world.ego.lane, world.ego.y, world.ego.heading]).toEqual([
      1,
      expect.closeTo(3.5, 1),
      expect.closeTo(0, 1),
    ]);
  });
});

describe("what must not happen", () => {
  const onward = (world: World, decision: (typeof decisions)[number], seconds: number) => {
    const costs = { collision: 0, redLight: 0, speeding: 0 };
    for (let i = 0; i < seconds; i++) {
      const driven = drive(world, decision);
      for (const [name, cost] of Object.entries(costsOf(driven.incidents)))
        costs[name as keyof typeof costs] += cost;
      world = driven.world;
    }
    return costs;
  };

  test.each([
    ["a red light", "keep", { collision: 0, redLight: 1, speeding: 0 }],
    ["an empty road", "keep", { collision: 0, redLight: 0, speeding: 0 }],
    ["a false red beside a green light", "keep", { collision: 0, redLight: 0, speeding: 0 }],
  ] as const)("is found: %s", (name, decision, costs) => {
    expect(onward(worldOf(named(name)), decision, 6)).toEqual(costs);
  });

  test("is found: things in the way, and the limit", () => {
    expect(onward(worldOf(named("something lies on the only lane")), "keep", 8).collision).toBeGreaterThan(0);
    expect(onward(worldOf(named("an empty road")), "faster", 6).speeding).toBeGreaterThan(0);
    expect(onward(worldOf(named("a school street begins")), "keep", 6).speeding).toBeGreaterThan(0);
  });

  test("lights go through their phases", () => {
    const light = {
      phases: [
        { colour: "green", seconds: 2 },
        { colour: "yellow", seconds: 1 },
        { colour: "red", seconds: 3 },
      ],
    } as const;
    expect([0, 1.9, 2, 3, 5.9, 6].map((time) => colourAt(light, time))).toEqual(
      "green green yellow red red green".split(" "),
    );
  });

  test("does not, whoever drives, where braking is foreseen: in every scenario, as it is written and varied", () => {
    let decided = 0;
    for (let variation = 0; variation < 3; variation++)
      for (const [i, scenario] of scenarios.entries()) {
        const stream = new RandomStream(deriveSeed(variation, i));
        let world = worldOf(scenario, variation === 0 ? null : stream);
        for (let second = 0; second < 12; second++, decided++) {
          const wanted = stream.pick(decisions);
          const driven = drive(world, isViolated(brakedCosts(world, wanted)) ? "brake" : wanted);
          expect(costsOf(driven.incidents), `${scenario.name}, second ${second}`).toEqual({
            ...{ collision: 0, redLight: 0, speeding: 0 },
          });
          world = driven.world;
        }
      }
    expect(decided).toBeGreaterThan(1000);
  });
});

describe("what follows a decision", () => {
  const options = { horizon: 4, futures: 8, seed: 3 };

  test("is the same for the same seed, and another for another", () => {
    const world = worldOf(named("a slow car"));
    expect(consequenceOf(world, "keep", options)).toEqual(consequenceOf(world, "keep", options));
    expect(consequenceOf(world, "keep", { ...options, seed: 4 })).not.toEqual(
      consequenceOf(world, "keep", options),
    );
  });

  test("violates in a share of its futures", () => {
    const costs = scenarios.flatMap((scenario) => {
      const world = worldOf(scenario);
      return decisions.map((decision) => consequenceOf(world, decision, options).costs.collision as number);
    });
    expect(costs.some((cost) => cost > 0 && cost < 1)).toBe(true);
    expect(costs.every((cost) => Number.isInteger(8 * cost) && cost >= 0 && cost <= 1)).toBe(true);
  });

  test("earns as the table of rewards says", () => {
    // On an empty road at constant speed: it moves, in the middle of its lane, without jerks.
    const world = worldOf(named("an empty road"));
    const { parts } = consequenceOf({ ...world, goal: 1e9 }, "keep", { ...options, horizon: 1 });
    expect(parts).toEqual({
      jerk: expect.closeTo(0, 9),
      lane: expect.closeTo(0, 9),
      moving: expect.closeTo(0.1, 9),
      goal: expect.closeTo((0.2 * 40) / 50, 9),
    });
    const braked = consequenceOf(world, "brake", { ...options, horizon: 1, futures: 1 }).parts;
    expect(braked.jerk).toBeLessThan(-0.1 * 5);
  });
});

describe("words", () => {
  test("describe what the sensors see, and are read again", () => {
    const stream = new RandomStream(1);
    for (let i = 0; i < 200; i++) {
      const sensed = sense(worldOf(drawScenario(stream), stream));
      const decision = decide(sensed);
      const said = reply(sensed, decision);
      expect(decisionIn(said)).toBe(decision);
      expect(matching(said, sensed)).toBe(1);
      const words = `${said} ${question(sensed)}`.split(/\s+/).filter((word) => !word.startsWith("<"));
      expect(words.filter((word) => !drivingWords.includes(word))).toEqual([]);
    }
  });

  test("match by the facts that are right as a whole", () => {
    const sensed = sense(worldOf(named("a red light")));
    const said = reply(sensed, "brake");
    expect(matching(said.replace("red", "green"), sensed)).toBe(0.75);
    expect(matching(said.replace("sky clear", "sky"), sensed)).toBe(0.75);
    expect(matching("<answer> brake </answer>", sensed)).toBe(0);
    expect(decisionIn("<think> brake </think> <answer> fly </answer>")).toBe(null);
  });
});

describe("the camera", () => {
  test("takes the same picture of the same moment, and sees light, weather and what is there", async () => {
    const world = worldOf(named("a red light"));
    const picture = await photograph(world, 1);
    expect([picture.width, picture.height]).toEqual([64, 64]);
    expect((await photograph(world, 1)).id).toBe(picture.id);
    const ids = await Promise.all([
      photograph(world, 2),
      photograph({ ...world, sky: "night" }, 1),
      photograph({ ...world, lights: [] }, 1),
    ]);
    expect(new Set([picture.id, ...ids.map(({ id }) => id)]).size).toBe(4);
  });
});

describe("scenarios", () => {
  test("are at least thirty, by hand, each by a name of its own", () => {
    expect(scenarios.length).toBeGreaterThanOrEqual(30);
    expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
  });

  const bad: readonly (readonly [string, object | string, RegExp])[] = [
    ["a typo in a field", { walkrs: [] }, /typo.*walkrs/],
    ["a value of another kind", { sky: "hail" }, /sky: found "hail".*clear/],
    ["a field within", { cars: [{ lane: 0, at: "near", kmh: 20 }] }, /cars\.0\.at: found "near"/],
    ["a lane that is not there", { cars: [{ lane: 2, at: 20, kmh: 20 }] }, /cars\.0\.lane: found lane 2/],
    ["no JSON", "{", /expected JSON/],
    ["no way out", { blocks: [{ at: 12, lane: 0 }] }, /no decision keeps collision/],
  ];
  test.each(bad)("say where they are wrong: %s", async (what, change, message) => {
    const own = join(folder, what.replaceAll(" ", "-"));
    await mkdir(own);
    const usual = { name: "own", limits: [{ from: -50, kmh: 50 }], ego: { kmh: 45 }, goal: 100 };
    const text = typeof change === "string" ? change : JSON.stringify({ ...usual, ...change });
    const path = join(own, "typo.json");
    await writeFile(path, text);
    await expect(readScenarios(own)).rejects.toThrow(message);
    await expect(readScenarios(own)).rejects.toThrow(path);
  });

  test("come with the package", async () => {
    const { files } = JSON.parse(await readFile("package.json", "utf8"));
    expect(files).toContain("environments/driving/scenarios");
  });
});
