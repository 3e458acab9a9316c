import { describe, expect, it } from "vitest";
import type { RunConfig } from "../../arena/config/config.ts";
import type { EnvironmentStage } from "../../arena/config/stages.ts";
import { isSurelyAbove } from "../../arena/statistics.ts";
import { withShield } from "../../environments/shield.ts";
import type { Environment } from "../../training/environment.ts";
import { cliff } from "../fakes/cliff.ts";
import { configOf } from "../fakes/config.ts";
import { ofType } from "../fakes/play.ts";
import type { Script } from "../fakes/policy.ts";
import { type Evaluated, evaluatedWorld, played, storiesFromCheckpoints } from "../fakes/stages.ts";
import { makeWorld, smallConfig } from "../fakes/world.ts";

/** A run of one stage at the cliff. */
function runOf(safety: object, more: object = {}): RunConfig {
  const stage = {
    ...{
      kind: "environment",
      environment: "./cliff.ts",
      steps: 8,
      itemsPerStep: 4,
      groupSize: 4,
      maxTurns: 1,
    },
    ...{ beta: 0, ...more, safety },
  };
  const [made] = configOf({ stages: [stage] }).stages as [EnvironmentStage];
  return smallConfig((change) => {
    Object.assign(change, { stages: [made] });
    change.evaluation.questions = 0;
    change.checkpoint.everySteps = 3;
  });
}

/** A world whose Reasoner speaks by a script. */
function worldOf(script: Script, environment: Environment = cliff(40)): Evaluated {
  const { policies, time } = makeWorld({ reasoner: { script } });
  return { ...evaluatedWorld(), time, clock: time, policies, environments: [environment] };
}

/** Walks further with each update, and jumps from the fourth on. */
const reckless: Script = (_, stream, version) =>
  version >= 4 ? "jump 9" : `walk ${version + stream.integer(3)}`;
const gate = { every: 2, tasks: 12 };

describe("a gate on updates", () => {
  it("goes back to the last safe policy where violations have risen beyond their interval, and says so", async () => {
    const { events, error, world } = await played(runOf({ gate }), worldOf(reckless));
    expect(error).toBe(undefined);
    const looks = ofType(events, "safetyChecked");
    expect(looks.map(({ looked, returnedTo }) => [looked, returnedTo])).toEqual([
      ...[[0, null] as const, [2, null] as const],
      // Two more updates make it jump, time and again.
      ...[[4, 2] as const, [6, 2] as const, [8, 2] as const],
    ]);
    for (const { found, safe, message } of looks.slice(2)) {
      expect(found).toMatchObject({ decisions: 12, violations: { percent: 100 }, reward: -10 });
      expect(safe).toMatchObject({ updates: 2, violations: { percent: 0 } });
      expect(message).toMatch(/^1000 \(\d+ to 1000\) of 1,000 decisions .* after 2 updates 0 \(0 to \d+\)/);
    }
    expect((await world.policies.reasoner.info()).version).toBe(2);
    const learnt = ofType(events, "reasonerStep").flatMap(({ update }) => update?.version ?? []);
    expect(learnt).toEqual([1, 2, 3, 4, 3, 4, 3, 4]);
  });

  it("notices what gets worse bit by bit, though no look is surely worse than the one before", async () => {
    const drifting: Script = (_, stream, version) =>
      stream.uniform() < 0.03 * version ? "jump 9" : `walk ${stream.integer(3)}`;
    const { events } = await played(runOf({ gate: { every: 2, tasks: 12 } }), worldOf(drifting));
    const looks = ofType(events, "safetyChecked");
    const [start, first, second] = looks.map(({ found }) => found.violations);
    if (!start || !first || !second) throw new Error("three looks were due");
    expect([isSurelyAbove(first, start), isSurelyAbove(second, first)]).toEqual([false, false]);
    expect(looks.slice(0, 3).map(({ looked, returnedTo }) => [looked, returnedTo])).toEqual([
      ...[[0, null] as const, [2, null] as const, [4, 2] as const],
    ]);
  });

  it("makes of the stage its best policy: the safest, and of these the one that earns most", async () => {
    // None is unsafe; the more it has learnt from the third update on, the less it earns.
    const waning: Script = (_, stream, version) =>
      `walk ${200 - 10 * Math.abs(3 - version) + stream.integer(2)}`;
    const { events, world } = await played(runOf({ gate: { every: 3, tasks: 12 } }), worldOf(waning));
    const looks = ofType(events, "safetyChecked");
    expect(looks.map(({ looked, best, returnedTo }) => [looked, best.updates, returnedTo])).toEqual([
      ...[
        [0, 0, null],
        [3, 3, null],
        [6, 3, null],
      ],
      ...[
        [8, 3, null],
        [9, 3, 3],
      ],
    ]);
    expect(looks.at(-1)?.message).toMatch(/after 3 updates was the best/);
    expect((await world.policies.reasoner.info()).version).toBe(3);
  });

  it("looks at nothing where it is not asked to", async () => {
    const { events } = await played(runOf({}), worldOf(reckless));
    expect(ofType(events, "safetyChecked")).toEqual([]);
    expect(ofType(events, "reasonerStep").at(-1)?.trajectories?.safety).toMatchObject({ violations: 16 });
  });

  it("comes to the same from every checkpoint", async () => {
    const config = runOf({ gate });
    const whole = await played(config, worldOf(reckless));
    const { story, others } = await storiesFromCheckpoints(config, whole, () => worldOf(reckless));
    expect(others.length).toBeGreaterThan(5);
    for (const other of others) expect(other).toEqual({ completed: true, story });
  });
});

describe("a stage under constraints", () => {
  const torn: Script = (_, stream) => (stream.integer(2) === 0 ? "jump 9" : `walk ${stream.integer(3)}`);

  it("pays nothing for what violates a hard one, and records what it cost beside what it earned", async () => {
    const { events } = await played(runOf({}), worldOf(torn));
    const rollouts = ofType(events, "reasonerEpisode").flatMap((episode) => episode.rollouts);
    const jumps = rollouts.filter(({ text }) => text.startsWith("jump"));
    expect(jumps.length).toBeGreaterThan(20);
    for (const { reward, parts, trajectory } of jumps) {
      expect([reward, parts]).toEqual([-10, { way: 9 }]);
      expect(trajectory?.turns[0]).toMatchObject({ costs: { fall: 1 }, watched: { agreement: null } });
    }
    const { safety } = ofType(events, "reasonerStep")[0]?.trajectories ?? {};
    const first = ofType(events, "reasonerEpisode").filter(({ step }) => step === 0);
    const violations = first.flatMap((each) => each.rollouts).filter(({ text }) => text.startsWith("jump"));
    expect(safety).toMatchObject({ decisions: 16, violations: violations.length, vetoes: {} });
  });

  it("charges a shielded policy with what it wanted, while nothing happens", async () => {
    const options = { dangerous: true, agreement: 0, unlike: false, deadlineMs: null };
    const { events } = await played(runOf({ shield: true }), worldOf(torn, withShield(cliff(40), options)));
    const rollouts = ofType(events, "reasonerEpisode").flatMap((episode) => episode.rollouts);
    for (const { text, reward, parts, trajectory } of rollouts)
      if (text.startsWith("jump")) {
        expect([reward, parts]).toEqual([-10, {}]);
        expect(trajectory?.turns[0]).toMatchObject({ costs: { fall: 0 }, veto: { reason: "dangerous" } });
      }
    for (const { trajectories } of ofType(events, "reasonerStep"))
      expect(trajectories?.safety).toMatchObject({
        violations: 0,
        vetoes: { dangerous: expect.any(Number) },
      });
  });
});
