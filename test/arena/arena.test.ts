import { Subscription } from "rxjs";
import { describe, expect, it } from "vitest";
import { play } from "../../arena/arena.ts";
import type { RunConfig } from "../../arena/config.ts";
import { VisplayError } from "../../common/errors.ts";
import type { RunEvent } from "../../replay/events.ts";
import { timeline } from "../fakes/policy.ts";
import { makeWorld, smallConfig, type World } from "../fakes/world.ts";

interface Played {
  readonly events: RunEvent[];
  error?: unknown;
  completed: boolean;
  readonly subscription: Subscription;
}

/** Plays until nothing moves any more, or until a moment of the world's time. */
async function playIn(world: World, config: RunConfig = smallConfig(), untilMs?: number): Promise<Played> {
  const played: Played = { events: [], completed: false, subscription: new Subscription() };
  played.subscription.add(
    play(config, world).subscribe({
      next: (event) => played.events.push(event),
      error: (error) => {
        played.error = error;
      },
      complete: () => {
        played.completed = true;
      },
    }),
  );
  await world.time.run(untilMs);
  return played;
}

/** The events of one type. */
function ofType<T extends RunEvent["type"]>(
  events: readonly RunEvent[],
  type: T,
): Extract<RunEvent, { type: T }>[] {
  return events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
}

describe("a run", () => {
  it("goes through its rounds, phases and steps in order", async () => {
    const { events, completed } = await playIn(
      makeWorld(),
      smallConfig((config) => (config.rounds = 2)),
    );
    expect(completed).toBe(true);
    const outline = events.flatMap((event) => {
      if (event.type === "phaseStarted") return `${event.round} ${event.phase}`;
      if (event.type.endsWith("Episode") || event.type === "phaseFinished") return [];
      return "step" in event ? `step ${event.step}` : event.type;
    });
    const round = (n: number) => [
      ...[`${n} questioner`, "step 0", "step 1", "step 2"],
      ...[`${n} curriculum`, "step 0", "step 1", "step 2", "curriculumBuilt"],
      ...[`${n} reasoner`, "step 0", "step 1", "step 2"],
      "modelsSaved",
    ];
    expect(outline).toEqual(["runStarted", ...round(1), ...round(2), "runFinished"]);
  });

  it("records each episode whole", async () => {
    const { events } = await playIn(makeWorld());
    const [asked] = ofType(events, "questionerEpisode");
    expect(asked?.rollouts).toHaveLength(4);
    expect(asked?.prompt).toBe("ask");
    const rollout = asked?.rollouts.find(({ question }) => question !== null);
    expect(rollout?.answers).toHaveLength(4);
    expect(rollout?.blindAnswers).toHaveLength(2);
    expect(rollout?.verdict?.samples).toBe(4);
    expect(Object.keys(rollout?.checks ?? {})).toEqual(["format", "parse", "abstention", "blind"]);
    expect(rollout?.completion.tokens).toHaveLength(rollout?.completion.logProbs.length ?? -1);

    const [learned] = ofType(events, "reasonerEpisode");
    expect(learned?.rollouts.map(({ reward }) => reward)).toEqual(
      learned?.rollouts.map(({ parts, vote }) => {
        expect(parts.agreement).toBe(vote === learned.label ? 1 : 0);
        return 0.9 * (parts.agreement ?? 0) + 0.1 * (parts.format ?? 0);
      }),
    );
    expect(events).toEqual(JSON.parse(JSON.stringify(events)));
  });

  it("trains with the versions, the KL reference and the learning rate that it records", async () => {
    const world = makeWorld();
    const config = smallConfig((change) => (change.rounds = 2));
    const { events } = await playIn(world, config);
    const { questioner, reasoner } = world.policies;
    expect(questioner.updates).toHaveLength(6);
    expect(reasoner.updates).toHaveLength(6);
    expect(new Set(questioner.scored)).toEqual(new Set(["reference"]));
    expect(reasoner.scored).toEqual([]);
    for (const { groups } of [...questioner.updates, ...reasoner.updates]) {
      for (const { rollouts } of groups) {
        expect(rollouts.some(({ advantage }) => advantage !== 0)).toBe(true);
        expect(rollouts.every(({ referenceLogProbs }) => referenceLogProbs?.[0] === -1)).toBe(true);
      }
    }
    const rates = ofType(events, "reasonerStep").map(({ update }) => update?.learningRate);
    expect(rates).toEqual([...new Array(3).fill(1e-4), ...new Array(3).fill(1e-4 * 0.6)]);
    const versions = ofType(events, "questionerEpisode").map((event) => event.versions.questioner);
    expect([...new Set(versions)]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("needs no reference where there is no KL, and then answers a step's items in one call", async () => {
    const world = makeWorld();
    await playIn(
      world,
      smallConfig((config) => {
        config.questioner.beta = 0;
        config.reasoner.beta = 0;
      }),
    );
    expect(world.policies.questioner.scored).toEqual([]);
    const [update] = world.policies.reasoner.updates;
    expect(update?.groups[0]?.rollouts[0]).not.toHaveProperty("referenceLogProbs");
    const sizes = world.policies.reasoner.calls.filter(({ method }) => method === "sample").slice(-3);
    expect(sizes.map(({ size }) => size)).toEqual([6, 6, 6]);
  });

  it("leaves the Questioner untrained if told so", async () => {
    const world = makeWorld();
    const { events } = await playIn(
      world,
      smallConfig((config) => (config.questioner.train = false)),
    );
    expect(world.policies.questioner.updates).toEqual([]);
    expect(ofType(events, "phaseStarted").map(({ phase }) => phase)).toEqual(["curriculum", "reasoner"]);
  });

  it("masks what was cut off", async () => {
    const chatter = makeWorld({
      questioner: {
        script: (_, stream) =>
          stream.integer(2) === 0
            ? "a b c d e f g h i j k l"
            : "<question> how many dots plus 1 ? </question>",
      },
    });
    const { events } = await playIn(
      chatter,
      smallConfig((config) => (config.questioner.maxTokens = 10)),
    );
    const rollouts = chatter.policies.questioner.updates.flatMap(({ groups }) =>
      groups.flatMap((group) => group.rollouts),
    );
    const cut = rollouts.filter(({ mask }) => mask);
    expect(cut.length).toBeGreaterThan(0);
    for (const { completion, mask } of cut) expect(mask).toEqual(new Uint8Array(completion.tokens.length));
    expect(ofType(events, "questionerStep")[0]?.truncatedShare).toBeGreaterThan(0);
  });
});

describe("the curriculum", () => {
  it("holds what lies in the band, labelled by the majority, and audits itself", async () => {
    const { events } = await playIn(makeWorld());
    const questions = ofType(events, "curriculumEpisode").flatMap((event) => event.questions);
    for (const { rejection, verdict, label, question } of questions) {
      if (question === null) expect(rejection).toBe("malformed");
      if (rejection !== null) continue;
      expect(label).toBe(verdict?.silver);
      expect(verdict?.confidence).toBeGreaterThanOrEqual(0.6);
    }
    const [built] = ofType(events, "curriculumBuilt");
    expect(built?.admitted).toBe(questions.filter(({ rejection }) => rejection === null).length);
    expect(built?.audit?.meaningful).toBeGreaterThan(0.5);
    expect(built?.audit?.silverCorrect).toBeGreaterThan(0.5);
  });

  it("may use true labels as a ceiling", async () => {
    const world = makeWorld();
    const config = smallConfig((change) => (change.reasoner.labels = "true"));
    const { events } = await playIn(world, config);
    for (const { image, question, label } of ofType(events, "reasonerEpisode")) {
      expect(label).toBe(world.truth?.(image.index, question));
    }
    const blind = await playIn({ ...makeWorld(), truth: null }, config);
    expect(blind.error).toMatchObject({ code: "config" });
  });

  it("may be empty now and then, but not three times in a row", async () => {
    const impossible = (config: RunConfig) => ({
      ...config,
      rounds: 5,
      curriculum: { ...config.curriculum, band: { low: 0.01, high: 0.02 } },
    });
    const world = makeWorld();
    const { events, error } = await playIn(world, impossible(smallConfig()));
    const empty = ofType(events, "curriculumEmpty");
    expect(empty.map(({ round, consecutive }) => [round, consecutive])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(empty[0]?.message).toMatch(
      /found \d+ aboveBand.*expected confidences from 0.01 to 0.02; raise curriculum.band.high/,
    );
    expect(empty[0]?.confidences.reduce((sum, n) => sum + n, 0)).toBeGreaterThan(0);
    expect(error).toMatchObject({ code: "emptyCurriculum" });
    expect(world.policies.reasoner.updates).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: "runFailed", code: "emptyCurriculum" });
  });
});

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
    const quick = makeWorld({ questioner: { durationMs: { sample: 1, score: 1, update: 1 } } });
    const lazy = makeWorld({ questioner: { durationMs: { sample: 500, score: 900, update: 700 } } });
    const results = [await playIn(quick), await playIn(lazy)].map(({ events }) => events.map(withoutTimes));
    expect(results[0]).toEqual(results[1]);
    expect(results[0]?.length).toBeGreaterThan(50);
  });
});

/** An event without what a clock had a part in. */
function withoutTimes(event: RunEvent): unknown {
  return JSON.parse(JSON.stringify(event, (key, value) => (/Ms$/.test(key) ? undefined : value)));
}

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
      expect(reason).toBe(`${image.name}: truncated`);
    }
    const counted = [...ofType(events, "questionerStep"), ...ofType(events, "curriculumStep")];
    expect(counted.reduce((sum, { failed }) => sum + failed, 0)).toBe(failures.length);
    const episodes = ofType(events, "questionerEpisode").map(({ image }) => image.index);
    expect(episodes.every((index) => index % 5 !== 0)).toBe(true);
  });

  it("finds the prompts for which a call fails, and keeps the others", async () => {
    const refuse = (index: number) => ({
      fault: (_: unknown, prompts: readonly { image: { id: string } }[]) => {
        if (prompts.some(({ image }) => image.id === `image-${index}`)) {
          throw new VisplayError("images", "too wide for the model");
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
  });

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
