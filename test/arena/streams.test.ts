import { describe, expect, it } from "vitest";
import { play } from "../../arena/arena.ts";
import { VisplayError } from "../../common/errors.ts";
import type { RunEvent } from "../../replay/events.ts";
import { ofType, playIn, withoutTimes } from "../fakes/play.ts";
import { timeline } from "../fakes/policy.ts";
import { makeWorld, smallConfig, type World } from "../fakes/world.ts";

describe("the two streams", () => {
  it("overlap in each phase as its picture says", async () => {
    const durationMs = { sample: 40, score: 30, prepare: 20, update: 50 };
    const world = makeWorld({ questioner: { durationMs }, reasoner: { durationMs } });
    const { events } = await playIn(world);
    /** Both policies through one phase, in columns of 10 ms. */
    const timelines = (phase: string): string[] => {
      const atMs = (type: string) =>
        events.find((event) => event.type === type && "phase" in event && event.phase === phase)?.atMs ?? 0;
      return [world.policies.questioner, world.policies.reasoner].map(({ calls }) =>
        timeline(calls, 10, atMs("phaseStarted"), atMs("phaseFinished")),
      );
    };
    // s sample, r score under the reference, p prepare, u update; the Questioner above, the Reasoner below.
    expect(timelines("questioner")).toEqual([
      "ssssrrr.....uuuuussssrrr.....uuuuussssrrr.....uuuuu",
      "ppppssssssss.....pp..ssssssss.........ssssssss.....",
    ]);
    expect(timelines("curriculum")).toEqual([
      "ssssssssssss....", //
      "....ssssssssssss",
    ]);
    expect(timelines("reasoner")).toEqual([
      "....rrr.rrr.........rrr.rrr.........rrr.rrr.....",
      "ssssssss...uuuuussssssss...uuuuussssssss...uuuuu",
    ]);
  });

  it("give the same events whoever is faster", async () => {
    const broken = (index: number) => index % 4 === 0;
    const quick = makeWorld({ broken, questioner: { durationMs: { sample: 1, score: 1, update: 1 } } });
    const lazy = makeWorld({
      broken,
      loadMs: (index) => (7 * index) % 13,
      questioner: { durationMs: { sample: 500, score: 900, update: 700 } },
    });
    const [first, second] = [await playIn(quick), await playIn(lazy)];
    expect(first.events.map(withoutTimes)).toEqual(second.events.map(withoutTimes));
    expect(ofType(first.events, "rolloutFailed").length).toBeGreaterThan(3);
  });
});

describe("what is recorded", () => {
  it("is on disk before it is emitted", async () => {
    const world = makeWorld();
    const unsaved: RunEvent[] = [];
    play(smallConfig(), world).subscribe((event) => {
      if (!world.log.events.includes(event)) unsaved.push(event);
    });
    await world.time.run();
    expect(world.log.events.length).toBeGreaterThan(50);
    expect(unsaved).toEqual([]);
  });

  it("holds the step before the next one begins", async () => {
    const world = makeWorld();
    const started: number[] = [];
    const append = world.log.append.bind(world.log);
    const log = {
      append: async (events: readonly RunEvent[]) => {
        await world.time.sleep(1000);
        await append(events);
        if (events.some(({ type }) => type === "questionerStep")) {
          started.push(world.policies.questioner.updates.length);
        }
      },
    };
    await playIn({ ...world, log } as World);
    expect(started).toEqual([1, 2, 3]);
  });

  it("ends a run that cannot be recorded, and emits nothing of it", async () => {
    const world = makeWorld();
    let appends = 0;
    const log = {
      append: async () => {
        if (++appends > 3) throw new VisplayError("disk", "the disk is full");
      },
    };
    const { events, error } = await playIn({ ...world, log: { ...log, events: [] } } as unknown as World);
    expect(error).toMatchObject({
      code: "disk",
      message: expect.stringContaining("round 1, questioner phase, step 2 of 3"),
    });
    expect(events.at(-1)).toMatchObject({ type: "questionerStep", step: 0 });
  });
});

describe("cancellation", () => {
  it("aborts every call under way, in both streams, and emits nothing more", async () => {
    const world = makeWorld({
      questioner: { durationMs: { sample: 50 } },
      reasoner: { durationMs: { sample: 50 } },
    });
    const { events, subscription } = await playIn(world, smallConfig(), 60);
    const running = [...world.policies.questioner.calls, ...world.policies.reasoner.calls].filter(
      ({ endMs }) => Number.isNaN(endMs),
    );
    expect(running.map(({ method }) => method).sort()).toEqual(["sample", "score"]);
    const seen = events.length;
    subscription.unsubscribe();
    expect(running.every(({ signal }) => signal?.aborted)).toBe(true);
    const calls = world.policies.reasoner.calls.length;
    await world.time.run();
    expect(events.length).toBe(seen);
    expect(world.policies.reasoner.calls.length).toBe(calls);
  });

  it("leaves nothing behind: a second subscription plays the same run", async () => {
    const config = smallConfig();
    const first = await playIn(makeWorld(), config);
    const world = makeWorld();
    const run = play(config, world);
    run.subscribe().unsubscribe();
    const events: RunEvent[] = [];
    run.subscribe((event) => events.push(event));
    await world.time.run();
    expect(events.map(withoutTimes)).toEqual(first.events.map(withoutTimes));
  });
});

describe("failures", () => {
  it("skips and counts images that cannot be decoded", async () => {
    const world = makeWorld({ broken: (index) => index % 5 === 0 });
    const { events, completed } = await playIn(world);
    expect(completed).toBe(true);
    const failures = ofType(events, "rolloutFailed");
    expect(failures.length).toBeGreaterThan(0);
    for (const { during, image, reason } of failures) {
      expect(during).toBe("load");
      expect(image.index % 5).toBe(0);
      expect(reason).toBe("truncated");
    }
    const counted = [...ofType(events, "questionerStep"), ...ofType(events, "curriculumStep")];
    expect(counted.reduce((sum, { failed }) => sum + failed, 0)).toBe(failures.length);
    const episodes = ofType(events, "questionerEpisode").map(({ image }) => image.index);
    expect(episodes.every((index) => index % 5 !== 0)).toBe(true);
  });

  it.each(["images", "prompt"] as const)(
    "finds whom a fault of code %s concerns, and keeps the others",
    async (code) => {
      const refuse = (index: number) => ({
        fault: (_: unknown, prompts: readonly { image: { id: string } }[]) => {
          if (prompts.some(({ image }) => image.id === `image-${index}`)) {
            throw new VisplayError(code, "too wide for the model");
          }
        },
      });
      const world = makeWorld({ images: 12, questioner: refuse(3), reasoner: refuse(4) });
      const { events, completed } = await playIn(world);
      expect(completed).toBe(true);
      const failures = ofType(events, "rolloutFailed");
      expect(new Set(failures.map(({ during, image }) => `${during} ${image.index}`))).toEqual(
        new Set(["ask 3", "answer 4"]),
      );
      const episodes = ofType(events, "curriculumEpisode");
      expect(episodes.map(({ image }) => image.index).sort((a, b) => a - b)).toEqual(
        [...Array(12).keys()].filter((index) => index !== 3),
      );
      const unanswered = episodes.find(({ image }) => image.index === 4)?.questions ?? [];
      expect(unanswered.some(({ rejection }) => rejection === "failed")).toBe(true);
      const rewards = ofType(events, "questionerEpisode")
        .filter(({ image }) => image.index === 4)
        .flatMap(({ rollouts }) => rollouts.filter(({ question }) => question !== null));
      expect(rewards.every(({ reward, advantage }) => reward === null && advantage === 0)).toBe(true);
    },
  );

  it("ends the run where no image can be used", async () => {
    const { error } = await playIn(makeWorld({ broken: () => true }));
    expect(error).toMatchObject({ code: "images", message: expect.stringContaining("none of 12 images") });
  });

  it.each([
    ["numeric", new VisplayError("numeric", "the loss is NaN")],
    ["internal", new TypeError("undefined is not a function")],
  ])("ends the run with the step's name: %s", async (code, cause) => {
    const fault = (call: { method: string }, _: unknown, version: number) => {
      if (call.method === "update" && version === 1) throw cause;
    };
    const { events, error } = await playIn(makeWorld({ reasoner: { fault } }));
    const message = `round 1, reasoner phase, step 2 of 3: ${cause.message}`;
    expect(error).toMatchObject({ message, cause });
    expect(error instanceof VisplayError ? error.code : "internal").toBe(code);
    expect(events.at(-1)).toMatchObject({ type: "runFailed", code, message });
    expect(ofType(events, "reasonerStep")).toHaveLength(1);
  });
});

describe("memory", () => {
  it("holds a step's images and the next one's, however many there are", async () => {
    const world = makeWorld({ images: 1_000_000 });
    const { completed } = await playIn(world);
    expect(completed).toBe(true);
    const { stepsPerRound, imagesPerStep } = smallConfig().questioner;
    expect(world.images.loaded.length).toBeLessThanOrEqual(stepsPerRound * imagesPerStep + 12 + 3 * 6);
  });

  it("loads no further ahead than one step", async () => {
    const world = makeWorld({ questioner: { durationMs: { sample: 1000 } } });
    await playIn(world, smallConfig(), 900);
    expect(world.images.loaded).toHaveLength(8);
  });
});
