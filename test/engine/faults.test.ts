import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Completion } from "../../policy/port.ts";
import type { TinkerPolicy } from "../../policy/remote/tinker_policy.ts";
import { grpo, questions, rolloutGroups, sampling } from "../policy/tiny.ts";
import { readReference } from "../reference_dir.ts";
import type { EngineDouble, WireFault } from "./double.ts";
import { openRemote, startDouble } from "./engine.ts";

const prompts = questions(3);
let double: EngineDouble;
let folder: string;
beforeAll(async () => {
  double = await startDouble();
  folder = await mkdtemp(join(tmpdir(), "visplay-engine-faults-"));
});
afterAll(async () => {
  await double[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const imageToken = readReference<{ image_token_id: number }>("smolvlm-tiny/config.json").image_token_id;

/** Two steps, with what was sampled before each; `between` happens where it is called. */
async function learn(policy: TinkerPolicy, between: (place: string) => unknown = () => {}) {
  const told: unknown[] = [];
  for (let step = 0; step < 2; step++) {
    await between(`sample ${step}`);
    const sampled = await policy.sample(prompts, { ...sampling, seed: step });
    await between(`update ${step}`);
    const report = await policy.update(rolloutGroups(prompts, sampled.map(spoken)), grpo);
    told.push(
      sampled.map((group) => group.map(({ tokens }) => [...tokens])),
      report,
    );
  }
  return told;
}

/** Without what says an image token, as random weights do. */
function spoken(group: readonly Completion[]): Completion[] {
  return group.filter(({ tokens }) => !tokens.includes(imageToken));
}

describe("a policy whose engine fails", () => {
  let whole: unknown[];
  beforeAll(async () => {
    await using policy = await openRemote(double);
    whole = await learn(policy);
    expect(double.steps).toBe(2);
  });

  const paths = ["save_weights_for_sampler", "asample", "retrieve_future", "retrieve_futures"];
  const passes = ["forward_backward", "forward_backward", "optim_step"];
  test.each<WireFault>(["unheard", "unanswered", "busy", "broken", "early", "slow"])(
    "to hear, to answer or to be there in time (%s) learns the same, no step twice",
    async (fault) => {
      await using policy = await openRemote(double);
      const before = double.steps;
      const all = [...paths, ...passes];
      double.faults.push({ path: "create_model", fault });
      double.faults.push(...all.flatMap((path) => [path, path]).map((path) => ({ path, fault })));
      expect(await learn(policy)).toEqual(whole);
      expect(double.steps - before).toBe(2);
      expect(double.faults).toEqual([]);
    },
  );

  test("and is restarted between steps and within them, learns the same", async () => {
    await using policy = await openRemote(double);
    const before = double.steps;
    const told = await learn(policy, async (place) => {
      if (place === "update 0") setTimeout(() => double.restart("all"), 40);
      else await double.restart("all");
    });
    expect(told).toEqual(whole);
    expect(double.steps - before).toBe(2);
  });

  test("and loses the model says so, and goes on from what was saved", async () => {
    await using policy = await openRemote(double);
    const sampled = await policy.sample(prompts, { ...sampling, seed: 0 });
    await policy.update(rolloutGroups(prompts, sampled.map(spoken)), grpo);
    await policy.saveState(folder);
    await double.restart("saved");
    await expect(policy.sample(prompts, { ...sampling, seed: 1 })).rejects.toThrow(
      "go on with `visplay resume`",
    );
    const groups = rolloutGroups(prompts, sampled.map(spoken));
    await expect(policy.update(groups, grpo)).rejects.toMatchObject({ code: "engine" });

    await using other = await openRemote(double);
    await other.loadState(folder);
    const again = await other.sample(prompts, { ...sampling, seed: 1 });
    expect(again.map((group) => group.map(({ tokens }) => [...tokens]))).toEqual(whole[2]);
    expect(await other.update(rolloutGroups(prompts, again.map(spoken)), grpo)).toEqual(whole[3]);
  });

  test("is another one than the one that has the state, is refused", async () => {
    await using policy = await openRemote(double);
    await policy.saveState(folder);
    await using elsewhere = await startDouble();
    await using other = await openRemote(elsewhere);
    await expect(other.loadState(folder)).rejects.toThrow("set engine.url and the model as they were");
  });

  test("has another model under the same name, is refused", async () => {
    await using policy = await openRemote(double);
    await policy.sample(prompts, sampling);
    await policy.saveState(folder);
    const file = join(folder, "engine.json");
    const state = JSON.parse(await readFile(file, "utf8"));
    const baseLogProbs = state.baseLogProbs.map((value: number) => value - 0.2);
    await writeFile(file, JSON.stringify({ ...state, baseLogProbs }));
    await using other = await openRemote(double);
    await expect(other.loadState(folder)).rejects.toThrow(
      /has another model as visplay\/tiny .* 0\.200 apart/,
    );
  });
});
