import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../../common/random.ts";
import { decisions } from "../../../environments/driving/control.ts";
import { openDriving } from "../../../environments/driving/driving.ts";
import { consequenceOf } from "../../../environments/driving/futures.ts";
import { drivingOptions } from "../../../environments/driving/options.ts";
import type { World } from "../../../environments/driving/world.ts";
import { withShield } from "../../../environments/shield.ts";
import { isImagePart } from "../../../policy/prompts.ts";
import type { Action, Environment, Observed, Outcome } from "../../../training/environment.ts";

let driving: Environment;
beforeAll(async () => {
  const options = drivingOptions.parse({ careless: 0, horizon: 3, futures: 4, decisions: 5, variations: 1 });
  driving = await openDriving({ options, folder: null, tasks: 100, threads: 2, timeLimitMs: 30_000 });
});
afterAll(() => driving[Symbol.asyncDispose]());

const reset = (environment: Environment, task: number, seed = 1) =>
  environment.reset(task, { seed, fit: () => null });
const say = (text: string): Action => ({ text, tokens: new Int32Array(), finishReason: "stop" });
const decide = (decision: string): Action => say(`<think> light </think> <answer> ${decision} </answer>`);

describe("a task", () => {
  it("is one decision, worth what follows it, in whichever thread that is played", async () => {
    const starts = await Promise.all([0, 1, 2, 3, 4, 5].map((task) => reset(driving, task)));
    const outcomes = await Promise.all(
      starts.flatMap(({ state }) => decisions.map((decision) => driving.step(state, decide(decision)))),
    );
    for (const [i, { state }] of starts.entries())
      for (const [j, decision] of decisions.entries()) {
        const { world, seed } = state as { readonly world: World; readonly seed: number };
        const { parts, costs } = consequenceOf(world, decision, { horizon: 3, futures: 4, seed });
        expect(outcomes[6 * i + j]).toMatchObject({ turns: null, parts: { ...parts, matches: 0 }, costs });
      }
  });

  it("is the same for the same seed, and another for another", async () => {
    const [once, again, other] = await Promise.all([
      reset(driving, 7),
      reset(driving, 7),
      reset(driving, 7, 2),
    ]);
    expect(again).toEqual(once);
    expect(other?.state).not.toEqual(once?.state);
  });

  it("is demonstrated in words that match the sensors, for which it pays", async () => {
    const { state, label } = await reset(driving, 3);
    const shown = await driving.demonstrate?.(state, 0);
    expect(shown).toBe(label);
    expect((await driving.step(state, say(shown ?? ""))).parts?.matches).toBeCloseTo(0.3, 12);
    expect(await driving.understanding?.(state, shown ?? "")).toBe(1);
  });

  it("pays for no decision that cannot be read", async () => {
    const { state } = await reset(driving, 3);
    const outcome = await driving.step(state, say("drive on"));
    expect(outcome).toMatchObject({ parts: { matches: 0 }, success: false });
    expect(Object.keys(outcome.parts ?? {})).toEqual(["matches"]);
  });

  it("is a fault, and no end of a run, where the simulator leaves its numbers", async () => {
    const { state } = await reset(driving, 3);
    const { world } = state as { readonly world: World };
    const broken = { ...(state as object), world: { ...world, ego: { ...world.ego, speed: Number.NaN } } };
    await expect(driving.step(broken, decide("keep"))).rejects.toMatchObject({ kind: "nonsense" });
  });
});

describe("the suite", () => {
  const drive = async (environment: Environment, task: number, stream: RandomStream): Promise<Outcome[]> => {
    let { state } = await reset(environment, task);
    const outcomes: Outcome[] = [];
    for (;;) {
      const outcome = await environment.step(state, decide(stream.pick(decisions)));
      outcomes.push(outcome);
      if (outcome.turns === null) return outcomes;
      ({ state } = outcome);
    }
  };

  it("is driven decision by decision, each by its own picture alone", async () => {
    const suite = driving.suite as Environment;
    const [first] = await drive(suite, 0, new RandomStream(1));
    const { turns, alone } = first as Observed;
    expect(alone).toBe(true);
    expect(turns.flatMap(({ parts }) => parts).filter(isImagePart).length).toBe(1);
    expect(suite.tasks).toBeGreaterThanOrEqual(30);
  });

  it("has violations by who decides at random, and none behind a shield", async () => {
    const options = { dangerous: true, agreement: 0, unlike: false, deadlineMs: null };
    const shielded = withShield(driving, options).suite as Environment;
    const tasks = Array.from({ length: 20 }, (_, task) => task);
    const drivenBy = (environment: Environment) =>
      Promise.all(tasks.map((task) => drive(environment, task, new RandomStream(task))));
    const isViolated = ({ costs = {} }: Outcome) => Object.values(costs).some((cost) => cost > 0);
    const plain = (await drivenBy(driving.suite as Environment)).flat();
    expect(plain.filter(isViolated).length).toBeGreaterThan(5);
    const kept = (await drivenBy(shielded)).flat();
    expect(kept.filter(isViolated)).toEqual([]);
    expect(kept.filter(({ veto }) => veto?.reason === "dangerous").length).toBeGreaterThan(5);
  });
});
