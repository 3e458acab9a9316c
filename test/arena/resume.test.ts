import { concatMap, from } from "rxjs";
import { describe, expect, it } from "vitest";
import type { SavedRun } from "../../arena/arena.ts";
import type { RunConfig } from "../../arena/config/config.ts";
import { VisplayError } from "../../common/errors.ts";
import type { RunEvent } from "../../replay/events.ts";
import { MemoryCheckpoints } from "../fakes/checkpoints.ts";
import { ofType, playIn, withoutTimes } from "../fakes/play.ts";
import type { FakePolicyOptions } from "../fakes/policy.ts";
import { evaluationReport } from "../fakes/run_events.ts";
import { makeWorld, smallConfig, untaught, type World } from "../fakes/world.ts";

const config = smallConfig((change) => {
  change.rounds = 2;
  change.checkpoint.everySteps = 4;
  change.reasoner.imitation.itemsPerStep = 2;
  change.coEvolution.questions = 6;
});

interface Watched extends World {
  readonly checkpoints: MemoryCheckpoints;
  readonly controller: AbortController;
}

/** A world in which some images are broken, and the Reasoner's version is what an evaluation reports. */
function watchedWorld(options: Parameters<typeof makeWorld>[0] = {}): Watched {
  const controller = new AbortController();
  const scores = ["greedy", "mean8", "mean8_t06", "maj8", "pass8", "blind", "abstention", "parseFailure"];
  return {
    ...makeWorld({ broken: (index) => index % 7 === 0, ...options }),
    controller,
    stop: controller.signal,
    checkpoints: new MemoryCheckpoints(),
    evaluate: (policy) =>
      from(policy.info()).pipe(
        concatMap(({ version }) => {
          const score = { percent: version, low: version, high: version };
          const overall = {
            questions: 1,
            ...Object.fromEntries(scores.map((name) => [name, score])),
          } as never;
          return [{ done: 1, total: 1 }, { report: evaluationReport({ overall }) }];
        }),
      ),
  };
}

/** A new process: nothing is left but the log, as a resume keeps it, and the states. */
function reborn(before: Watched, { state }: SavedRun, options?: Parameters<typeof makeWorld>[0]): Watched {
  const world = watchedWorld(options);
  world.log.events.push(...before.log.events.slice(0, state.replay));
  for (const role of ["questioner", "reasoner"] as const)
    for (const [folder, version] of before.policies[role].states)
      world.policies[role].states.set(folder, version);
  return world;
}

/** What a run comes to, without what tells a resumed run from one that was not. */
function story(events: readonly RunEvent[]): unknown[] {
  const own = new Set(["checkpointSaved", "runResumed", "runStopped"]);
  return events.filter(({ type }) => !own.has(type)).map(withoutTimes);
}

/** Everything that reached the policies' weights. */
function updatesOf({ policies }: World, from: { questioner: number; reasoner: number }) {
  const of = (role: "questioner" | "reasoner") => policies[role].learned.slice(from[role]);
  return JSON.parse(JSON.stringify({ questioner: of("questioner"), reasoner: of("reasoner") }));
}

async function uninterrupted(
  of: RunConfig = config,
  options?: Parameters<typeof makeWorld>[0],
): Promise<Watched> {
  const world = watchedWorld(options);
  const { completed } = await playIn(world, of);
  expect(completed).toBe(true);
  return world;
}

describe("a run that goes on from a checkpoint", () => {
  it("comes to the same from every checkpoint that it made", async () => {
    const whole = await uninterrupted();
    const { saved } = whole.checkpoints;
    expect(saved.length).toBeGreaterThan(5);
    for (const checkpoint of saved) {
      const world = reborn(whole, checkpoint);
      const { completed } = await playIn(world, config, undefined, checkpoint);
      expect(completed).toBe(true);
      expect(story(world.log.events)).toEqual(story(whole.log.events));
      const versions = {
        questioner: whole.policies.questioner.states.get(checkpoint.folders.questioner) as number,
        reasoner: whole.policies.reasoner.states.get(checkpoint.folders.reasoner) as number,
      };
      expect(updatesOf(world, { questioner: 0, reasoner: 0 })).toEqual(updatesOf(whole, versions));
    }
  });

  it("goes on from one of an earlier release, which lacks what was not counted then", async () => {
    const whole = await uninterrupted();
    for (const checkpoint of whole.checkpoints.saved) {
      const { sample: _, gate: __, ...rest } = checkpoint.state;
      const { kinds: ___, ...curriculum } = rest.curriculum;
      const world = reborn(whole, checkpoint);
      const state = { ...rest, curriculum } as unknown as SavedRun["state"];
      expect((await playIn(world, config, undefined, { ...checkpoint, state })).completed).toBe(true);
    }
  });

  it("comes to the same wherever it is stopped, again and again", async () => {
    const whole = await uninterrupted();
    const end = whole.time.now();
    for (let moment = 0; moment < 40; moment++) {
      let world = watchedWorld();
      let saved: SavedRun | null = null;
      for (let stops = 0; stops < 3; stops++) {
        const untilMs = ((moment + 0.5) * end) / 40 / 2 ** (stops + 1);
        const played = await playIn(world, config, untilMs, saved);
        world.controller.abort();
        await world.time.run();
        expect(played.error).toMatchObject({ code: "cancelled" });
        expect(world.log.events.at(-1)).toMatchObject({ type: "runStopped" });
        saved = world.checkpoints.saved.at(-1) as SavedRun;
        world = reborn(world, saved);
      }
      expect((await playIn(world, config, undefined, saved)).completed).toBe(true);
      expect(story(world.log.events)).toEqual(story(whole.log.events));
    }
  });

  it.each([3, null])(
    "comes to the same from the midst of its trial and its warm-up (%j steps)",
    async (steps) => {
      const warming = smallConfig((change) => {
        change.trial.images = 4;
        change.warmUp.steps = steps;
        change.checkpoint.everySteps = 1;
      });
      const speaking = untaught("how many dots plus 1 ?", "<think>");
      const whole = await uninterrupted(warming, speaking);
      const early = whole.checkpoints.saved.filter(({ state }) => state.next.round === 0);
      const legs = new Set(early.map(({ state }) => state.next.leg));
      expect([...legs]).toEqual(["questioner", "trial", "evaluation", "warmUp", "save"]);
      for (const checkpoint of early) {
        const world = reborn(whole, checkpoint, speaking);
        expect((await playIn(world, warming, undefined, checkpoint)).completed).toBe(true);
        expect(story(world.log.events)).toEqual(story(whole.log.events));
      }
    },
  );

  it("loses no more steps than lie between two checkpoints", async () => {
    const { log } = await uninterrupted();
    let since = 0;
    for (const { type } of log.events) {
      if (/Step$/.test(type)) since++;
      if (type === "checkpointSaved") since = 0;
      expect(since).toBeLessThanOrEqual(config.checkpoint.everySteps);
    }
    expect(log.events.at(-2)?.type).toBe("checkpointSaved");
  });

  it("may go on as a run of its own, and be stopped there at once", async () => {
    const whole = await uninterrupted();
    const origin = whole.checkpoints.saved.at(-3) as SavedRun;
    const fork = reborn(whole, origin);
    fork.log.adopted.push(...ofType(fork.log.events, "curriculumEpisode"));
    fork.log.events.length = 0;
    fork.controller.abort();
    const forked = { ...origin, state: { ...origin.state, replay: 0 } };
    const { error } = await playIn(fork, config, undefined, forked);
    expect(error).toMatchObject({ code: "cancelled" });
    const saved = fork.checkpoints.saved.at(-1) as SavedRun;
    expect(saved.state.replay).toBe(2);
    const again = reborn(fork, saved);
    again.log.adopted.push(...fork.log.adopted);
    expect((await playIn(again, config, undefined, saved)).completed).toBe(true);
    const before = story(whole.log.events.slice(0, origin.state.replay)).length;
    expect(story(again.log.events).slice(1)).toEqual(story(whole.log.events).slice(before));
  });

  it("records the settings that it goes on with", async () => {
    const whole = await uninterrupted();
    const checkpoint = whole.checkpoints.saved[1] as SavedRun;
    const world = reborn(whole, checkpoint);
    const longer = { ...config, rounds: 3 };
    await playIn(world, longer, undefined, checkpoint);
    const { stage: _, ...place } = checkpoint.state.next;
    expect(ofType(world.log.events, "runResumed")).toMatchObject([
      { config: longer, checkpoint: checkpoint.id, ...place },
    ]);
  });

  it("keeps counting empty rounds", async () => {
    const barren = smallConfig((change) => {
      change.rounds = 3;
      change.curriculum.band = { low: 0.01, high: 0.02 };
      change.checkpoint.everySteps = 1;
    });
    const whole = watchedWorld();
    const { error } = await playIn(whole, barren);
    expect(error).toMatchObject({ code: "emptyCurriculum" });
    for (const checkpoint of whole.checkpoints.saved) {
      const world = reborn(whole, checkpoint);
      const played = await playIn(world, barren, undefined, checkpoint);
      expect(played.error).toMatchObject({ code: "emptyCurriculum", message: (error as Error).message });
      expect(ofType(world.log.events, "curriculumEmpty").map(({ consecutive }) => consecutive)).toEqual([
        1, 2, 3,
      ]);
    }
  });
});

describe("a run that is told to stop", () => {
  it("says who stopped it, also where nothing can be saved", async () => {
    const { controller, ...world } = watchedWorld();
    const reason = new VisplayError("cancelled", "interrupted");
    const { stop } = world;
    // As a disk without room is waited for.
    const full = {
      save: () =>
        new Promise<never>((_, reject) => {
          if (stop.aborted) reject(stop.reason);
          stop.addEventListener("abort", () => reject(stop.reason));
        }),
    };
    const playing = await playIn({ ...world, checkpoints: full }, config, 0);
    await world.time.run(200);
    controller.abort(reason);
    await world.time.run();
    expect(playing.error).toBe(reason);
    expect(world.log.events.at(-1)?.type).toBe("runStopped");
  });

  it("saves no policy that is ahead of what could be recorded", async () => {
    const whole = await uninterrupted();
    for (const type of ["questionerStep", "curriculumStep", "reasonerStep", "checkpointSaved"] as const) {
      const world = watchedWorld();
      const append = world.log.append.bind(world.log);
      let last: SavedRun | undefined;
      // As a log waits that another program has locked.
      world.log.append = async (events) => {
        if (world.log.position < 60 || !events.some((event) => event.type === type)) return append(events);
        world.log.append = () => Promise.reject(new VisplayError("cancelled", "locked"));
        last = world.checkpoints.saved.at(-1);
        world.controller.abort();
        throw new VisplayError("cancelled", "locked");
      };
      const { error } = await playIn(world, config);
      expect(error).toMatchObject({ code: "cancelled" });
      expect(last).toBeDefined();
      expect(world.checkpoints.saved.at(-1)).toBe(last);
      const again = reborn(world, last as SavedRun);
      expect((await playIn(again, config, undefined, last)).completed).toBe(true);
      expect(story(again.log.events)).toEqual(story(whole.log.events));
    }
  });

  it.each(["questioner", "reasoner"] as const)(
    "records an update of the %s that it struck right after, or makes it again",
    async (role) => {
      const warming = smallConfig((change) => {
        change.trial.images = 4;
        change.warmUp.steps = 2;
        change.checkpoint.everySteps = 3;
      });
      const speaking = untaught("how many dots plus 1 ?", "3");
      const whole = await uninterrupted(warming, speaking);
      const count = whole.policies[role].calls.filter(({ method }) => method === "update").length;
      expect(count).toBeGreaterThan(4);
      // After the last one nothing is left that could be stopped.
      for (let struck = 1; struck < count; struck++) {
        const controller = new AbortController();
        let updates = 0;
        const fault: FakePolicyOptions["fault"] = ({ method }) => {
          if (method === "update" && ++updates === struck) controller.abort();
        };
        const world = { ...watchedWorld({ ...speaking, [role]: { ...speaking[role], fault } }), controller };
        const played = await playIn({ ...world, stop: controller.signal }, warming);
        expect(played.error).toMatchObject({ code: "cancelled" });
        expect(world.log.events.at(-1)).toMatchObject({ type: "runStopped" });
        const saved = world.checkpoints.saved.at(-1) ?? null;
        const again = saved ? reborn(world, saved, speaking) : watchedWorld(speaking);
        expect((await playIn(again, warming, undefined, saved)).completed).toBe(true);
        expect(story(again.log.events)).toEqual(story(whole.log.events));
      }
    },
  );

  it("finishes and records an update that was under way, and nothing more", async () => {
    const world = watchedWorld();
    const slow = makeWorld({ reasoner: { durationMs: { update: 1000 } } });
    const policies = slow.policies;
    const mixed: Watched = {
      ...world,
      ...slow,
      stop: world.stop,
      controller: world.controller,
      checkpoints: world.checkpoints,
    };
    const playing = await playIn(mixed, config, 0);
    while (!policies.reasoner.calls.some(({ method }) => method === "update"))
      await mixed.time.run(mixed.time.now() + 5);
    mixed.controller.abort();
    await mixed.time.run();
    expect(playing.error).toMatchObject({ code: "cancelled" });
    const { state } = mixed.checkpoints.saved.at(-1) as SavedRun;
    const steps = ofType(mixed.log.events, "reasonerStep").length;
    expect(policies.reasoner.updates.length).toBe(steps);
    expect(state.next).toMatchObject({ leg: "reasoner", step: steps });
  });
});
