import { describe, expect, test } from "vitest";
import { reward } from "../../../arena/config/reward.ts";
import { stages } from "../../../arena/config/stages.ts";

describe("a reward", () => {
  const task = {
    correctness: 0.9,
    reasoning: 0,
    format: 0.1,
    length: 0,
    understanding: 0,
    certainty: 0,
    description: 0,
    toolUse: 0,
  };

  test("is that of the answer where nobody says otherwise", () => {
    expect(reward.parse({})).toMatchObject({ preset: "task", module: null, weights: task });
    expect(reward.parse({ weights: { format: 0.5 } }).weights).toEqual({ ...task, format: 0.5 });
  });

  test("may be named by a preset alone, which decides the weights that are not given", () => {
    const vista = reward.parse("vista");
    expect(vista).toMatchObject({ preset: "vista", module: null });
    expect(vista.weights).toEqual({ ...task, correctness: 1, format: 1 });
    const agent = { ...task, correctness: 0.5, format: 0, understanding: 0.2, certainty: 0, toolUse: 0.3 };
    expect(reward.parse("agent").weights).toEqual(agent);
    expect(reward.parse({ preset: "agent", weights: { certainty: 0, toolUse: 0.1 } }).weights).toEqual({
      ...agent,
      certainty: 0,
      toolUse: 0.1,
    });
    // As a setting of the group's main name, which is how a name alone reaches it from a file.
    expect(reward.parse({ module: "vista", weights: { format: 2 } })).toEqual({
      ...vista,
      weights: { ...vista.weights, format: 2 },
    });
  });

  test("any other name is a module's path, beside which a preset may stand", () => {
    expect(reward.parse("./mine.ts")).toMatchObject({ preset: "task", module: "./mine.ts", weights: task });
    expect(reward.parse({ preset: "vista", module: "./mine.ts" })).toMatchObject({
      preset: "vista",
      module: "./mine.ts",
      weights: { format: 1 },
    });
  });

  test("as it is resolved means the same when it is read again", () => {
    for (const written of ["vista", "agent", { preset: "agent", weights: { certainty: 0, toolUse: 0 } }, {}])
      expect(reward.parse(reward.parse(written))).toEqual(reward.parse(written));
  });

  test("of another preset is refused, and what may be said is named", () => {
    const issues = reward.safeParse({ preset: "vist" }).error?.issues ?? [];
    expect(issues).toMatchObject([{ path: ["preset"], message: expect.stringContaining('"vista"') }]);
  });

  test("that is neither a module nor a preset is refused, and both are named", () => {
    const issues = reward.safeParse("vist").error?.issues ?? [];
    const message = expect.stringMatching(
      /such as .\/my_reward.ts, or the name of a preset: task, vista, agent/,
    );
    expect(issues).toMatchObject([{ path: ["module"], message }]);
  });

  test("is a setting of every stage that rewards", () => {
    const [grpo, environment] = stages.parse([
      { kind: "grpo", data: "rows", reward: "vista" },
      { kind: "environment", reward: "agent" },
    ]) as unknown as { reward: { preset: string } }[];
    expect([grpo?.reward.preset, environment?.reward.preset]).toEqual(["vista", "agent"]);
  });
});
