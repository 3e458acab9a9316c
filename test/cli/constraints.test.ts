import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEnvironments, type RunEnvironments } from "../../cli/environments.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import { defaultReasonerTemplates } from "../../reasoner/prompt.ts";
import { configOf } from "../fakes/config.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-constraints-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function open(stage: object): Promise<RunEnvironments> {
  const config = configOf({ stages: [{ kind: "environment", ...stage }] });
  const opening = { signal: new AbortController().signal, say: () => {}, show: () => {} };
  const templates = { questioner: "ask", ...defaultReasonerTemplates };
  return openEnvironments(
    config,
    { images: new SceneSource(config.images.scenes), templates, labelled: [] },
    opening,
  );
}

/** A module that has constraints, and can say what actions cost. */
async function moduleWith(more: string): Promise<string> {
  const path = join(folder, `own-${more.length}.mjs`);
  const turn = "[{width: 1, height: 1, data: new Uint8Array(3)}, 'walk']";
  await writeFile(
    path,
    `export default () => ({
  tasks: 3,
  reset: () => ({ turn: ${turn}, state: 0 }),
  step: (_, { text }) => ({ done: true, parts: { way: 1 }, costs: { fall: text === "jump" ? 1 : 0 } }),
  ${more}
});
`,
  );
  return path;
}

const said = (text: string) => ({ text, tokens: new Int32Array(), finishReason: "stop" }) as const;
const constraints = 'constraints: [{ name: "fall", kind: "hard", penalty: 10 }]';
const seeing = "foresee: (_, { text }) => ({ fall: text === 'jump' ? 1 : 0 }), fallback: () => 'stand'";

describe("an environment with constraints", () => {
  test("of a user's own is shielded", async () => {
    const environment = await moduleWith(`${constraints}, ${seeing}`);
    await using opened = await open({ environment, safety: { shield: true } });
    const outcome = await opened.environments[0]?.step(0, said("jump"));
    expect(outcome).toMatchObject({ parts: {}, costs: { fall: 0 }, veto: { reason: "dangerous" } });
    expect(await opened.environments[0]?.step(0, said("walk"))).toMatchObject({ parts: { way: 1 } });
  });

  test.each([
    [
      "a shield that sees nothing",
      constraints,
      { shield: true },
      /has no foresee\(state, action\), no fallback/,
    ],
    ["nothing to keep", "", { gate: { every: 5 } }, /safety.gate.every: .* has no constraints/],
    ["nothing to compare for", "", { novelty: "count" }, /safety.novelty: .* has no constraints/],
    ["another name", constraints, { soft: ["fal"] }, /found "fal", expected constraints of .* has fall/],
    [
      "constraints that are none",
      "constraints: [{ name: 'fall' }]",
      {},
      /gave constraints .* expected a list/,
    ],
  ])("says what it lacks: %s", async (_, more, safety, message) => {
    const environment = await moduleWith(more);
    await expect(open({ environment, safety })).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(message),
    });
  });

  test("that drives says what is wrong with its scenarios, and is pinned by them", async () => {
    const path = join(folder, "own.json");
    const scenario = { name: "own", limits: [{ from: 0, kmh: 50 }], ego: { kmh: 40 }, goal: 100 };
    await writeFile(path, JSON.stringify({ ...scenario, wakers: [] }));
    const environment = { name: "driving", data: folder };
    await expect(open({ environment })).rejects.toMatchObject({
      code: "data",
      message: expect.stringMatching(/own\.json: .*wakers/),
    });
    await writeFile(path, JSON.stringify(scenario));
    await using first = await open({ environment });
    await writeFile(path, JSON.stringify({ ...scenario, goal: 120 }));
    await using second = await open({ environment });
    expect(first.inputs["stages.0.environment"]).not.toBe(second.inputs["stages.0.environment"]);
    expect(() =>
      configOf({
        stages: [{ kind: "environment", environment: { name: "driving", options: { futurs: 3 } } }],
      }),
    ).toThrow(/futurs/);
  });
});
