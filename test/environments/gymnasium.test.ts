import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { actionIn, openGymnasium, type Playing } from "../../environments/gymnasium/gymnasium.ts";
import { type GymnasiumOptions, gymnasiumOptions } from "../../environments/gymnasium/options.ts";
import manifest from "../../package.json" with { type: "json" };
import { imagesIn } from "../../policy/prompts.ts";
import type { ReasonerTemplates } from "../../reasoner/prompt.ts";
import type { Environment, Outcome } from "../../training/environment.ts";

const templates: ReasonerTemplates = { reasoner: "{question}", format: "tags" };
const fake = fileURLToPath(new URL("../fakes/simulator.js", import.meta.url));
const playing: Playing = {
  ...{ tasks: 5, processes: 2, timeLimitMs: 10_000, setting: "stages.0.environment" },
  command: [process.execPath, fake],
};

function open(id: string, options: Partial<GymnasiumOptions> = {}, other: Partial<Playing> = {}) {
  return openGymnasium(
    { ...gymnasiumOptions.parse({ id }), ...options },
    { ...playing, ...other },
    templates,
  );
}

const say = (word: string) => ({
  text: `<answer> ${word} </answer>`,
  tokens: new Int32Array(3),
  finishReason: "stop" as const,
});
const begin = (environment: Environment, seed: number) => environment.reset(0, { seed, fit: () => null });

/** The brightness of what is shown, a tenth of it, and what the last action earned. */
function shown({ turns, ...outcome }: Pick<Outcome, "turns" | "parts">) {
  return [imagesIn(turns ?? [])[0]?.data[0], outcome.parts];
}

describe("a simulator in a process of its own", () => {
  test("is played by the names of its actions, and restored from any state", async () => {
    await using environment = await open("count", { success: 5 });
    expect([environment.name, environment.tasks]).toEqual(["count", 5]);
    const start = await begin(environment, 1);
    expect(start.turns[0]?.parts[1]).toBe("What is the next action? One of: up, down, strike.");
    const up = await environment.step(start.state, say("up"));
    if (up.turns === null) throw new Error("it is over");
    expect(shown(up)).toEqual([20, { reward: 2 }]);
    const down = await environment.step(up.state, say("down"));
    expect(shown(down)).toEqual([10, { reward: 1 }]);
    // From the state before, in whatever process: as if nothing had been done since.
    for (let again = 0; again < 3; again++)
      expect(shown(await environment.step(up.state, say("up")))).toEqual([30, { reward: 3 }]);
    const third = await environment.step(structuredClone(up.state), say("the answer is UP."));
    if (third.turns === null) throw new Error("it is over");
    expect(await environment.step(third.state, say("up"))).toEqual({
      turns: null,
      parts: { reward: 4 },
      success: true,
    });
    expect(await environment.step(up.state, say("sideways"))).toEqual({
      turns: null,
      parts: { unread: -1 },
      success: false,
    });
  });

  test("demonstrates how actions are said, the same for the same turn", async () => {
    await using environment = await open("count");
    const { state } = await begin(environment, 1);
    const said = await Promise.all(
      Array.from({ length: 40 }, (_, turn) => environment.demonstrate?.(state, turn)),
    );
    expect(new Set(said)).toEqual(new Set(["up", "down", "strike"].map((each) => say(each).text)));
    expect(await environment.demonstrate?.(state, 7)).toBe(said[7]);
  });

  test("may be given other names for its actions, one for each", async () => {
    await using environment = await open("count", {
      actions: ["more", "less", "hit"],
      question: "{actions} ?",
    });
    const start = await begin(environment, 2);
    expect(start.question).toBe("more, less, hit ?");
    expect(shown(await environment.step(start.state, say("less")))).toEqual([10, { reward: 1 }]);
    await expect(open("count", { actions: ["more", "less"] })).rejects.toThrow(
      "stages.0.environment.options.actions: found 2, expected 3, one for each of up, down, strike",
    );
  });

  test.each([
    ["crash", "crashed", /its process ended \(exit code 7\)/],
    ["hang", "late", /play took more than 2 s \(environment.timeLimit\)/],
    ["nonsense", "nonsense", /found "no JSON", expected a line of JSON that answers call \d+/],
    ["other", "nonsense", /expected a line of JSON that answers call/],
    ["no-picture", "nonsense", /a picture: /],
    ["empty", "nonsense", /found no picture, reward and end/],
    ["throw", "threw", /ValueError: out of range/],
  ])("that fails spoils that trajectory only: %s", async (id, kind, reason) => {
    const limits = id === "hang" ? { timeLimitMs: 2000 } : {};
    await using environment = await open(id, {}, limits);
    const { state } = await begin(environment, 1);
    for (let again = 0; again < 2; again++)
      await expect(environment.step(state, say("strike"))).rejects.toMatchObject({
        name: "EnvironmentFault",
        kind,
        message: expect.stringMatching(reason),
      });
    const [one, other] = await Promise.all(["up", "down"].map((each) => environment.step(state, say(each))));
    expect([shown(one as Outcome), shown(other as Outcome)]).toEqual([
      [20, { reward: 2 }],
      [0, { reward: 0 }],
    ]);
  });

  test.each([
    ["open-refuse", /stages.0.environment: open-refuse: No module named 'x'; install it: pip install x/],
    ["open-crash", /its process ended \(exit code 7\)/],
    ["open-nonsense", /found "no JSON"/],
    ["open-empty", /found no actions in what its simulator answered/],
  ])("that cannot be opened is refused: %s", async (id, message) => {
    const opening = open(id);
    await expect(opening).rejects.toMatchObject({ code: "config" });
    await expect(opening).rejects.toThrow(message);
  });

  test("needs a program that can be run", async () => {
    const opening = open("count", {}, { command: ["/nowhere/python3", "x.py"] });
    await expect(opening).rejects.toMatchObject({ code: "config" });
    await expect(opening).rejects.toThrow(
      'stages.0.environment.options.python: found no program "/nowhere/python3" that can be run, expected a Python that has gymnasium (python3 -m pip install gymnasium)',
    );
  });

  test("ends with a call that is cancelled, and is started again", async () => {
    await using environment = await open("hang", {}, { processes: 1 });
    const { state } = await begin(environment, 1);
    const controller = new AbortController();
    const calling = environment.step(state, say("strike"), controller.signal);
    controller.abort();
    await expect(calling).rejects.toMatchObject({ code: "cancelled" });
    expect(shown(await environment.step(state, say("up")))).toEqual([20, { reward: 2 }]);
  });
});

test("its program is part of the package", () => {
  expect(manifest.files).toContain("environments/gymnasium/simulator.py");
  expect(existsSync("environments/gymnasium/simulator.py")).toBe(true);
});

test("an action is the longest name that is said", () => {
  const names = ["LEFT", "LANE_LEFT", "-1 0.5", "-1 0", "turn left"];
  expect(actionIn("LANE_LEFT", names)).toBe(1);
  expect(actionIn("I would turn left.", names)).toBe(4);
  expect(actionIn("-1, 0.5", names)).toBe(2);
  expect(actionIn("-1 0", names)).toBe(3);
  expect(actionIn("right", names)).toBe(null);
});

/** A Python with the packages, by its own word; null where there is none. */
const python = process.env.VISPLAY_PYTHON ?? "python3";
function has(module: string): boolean {
  try {
    execFileSync(python, ["-c", `import gymnasium, ${module}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.each([
  ["minigrid", "minigrid:MiniGrid-Empty-5x5-v0", {}, ["forward", "right", "forward", "left"]],
  ["highway_env", "highway_env:highway-fast-v0", { config: { duration: 5 } }, ["IDLE", "SLOWER", "FASTER"]],
])("with a Python that has gymnasium and %s", (module, id, kwargs, actions) => {
  test.skipIf(!has(module))(
    `plays it, the same again from any state (needs ${python} -m pip install gymnasium ${module}; VISPLAY_PYTHON names another)`,
    async () => {
      const { command: _, ...real } = playing;
      const options = { ...gymnasiumOptions.parse({ id, python }), kwargs };
      await using environment = await openGymnasium(options, { ...real, timeLimitMs: 60_000 }, templates);
      let { state, turns } = await begin(environment, 5);
      const seen: unknown[] = [imagesIn(turns)[0]?.id];
      // Something is to be seen, and it changes.
      expect(new Set(imagesIn(turns)[0]?.data).size).toBeGreaterThan(2);
      const states: unknown[] = [state];
      const pictures: unknown[] = [];
      for (const action of actions) {
        const outcome = await environment.step(state, say(action));
        if (outcome.turns === null) throw new Error(`over after ${action}`);
        ({ state, turns } = outcome);
        states.push(state);
        pictures.push(imagesIn(turns)[0]?.id);
        seen.push([imagesIn(turns)[0]?.id, outcome.parts]);
      }
      expect(new Set(pictures).size).toBeGreaterThan(2);
      for (const [i, action] of [...actions.entries()].reverse()) {
        const { turns, parts } = await environment.step(states[i], say(action));
        expect([imagesIn(turns ?? [])[0]?.id, parts]).toEqual(seen[i + 1]);
      }
    },
    120_000,
  );

  test.skipIf(!has(module))("says what is wrong with its settings", async () => {
    const { command: _, ...real } = playing;
    const wrong = { ...gymnasiumOptions.parse({ id, python }), kwargs: { nonsense: 1 } };
    await expect(openGymnasium(wrong, real, templates)).rejects.toMatchObject({ code: "config" });
  });
});
