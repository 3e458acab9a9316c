import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunEvent } from "../../replay/events.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayStore } from "../../replay/store.ts";
import { ofType } from "../fakes/play.ts";
import { at, phaseStarted, reasonerStep } from "../fakes/run_events.ts";
import { curriculumEpisode, marked, plainEpisode, RandomEvents } from "./events.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
});
afterEach(async () => {
  await chmod(folder, 0o755);
  await rm(folder, { recursive: true, force: true });
});

function readAll(where: string = folder): RunEvent[] {
  using reader = ReplayReader.open(where);
  return [...reader.events()].map(({ event }) => event);
}

describe("ReplayStore", () => {
  it("gives back what was appended, exactly and in order", async () => {
    await using store = await ReplayStore.create(join(folder, "run"));
    const random = new RandomEvents(1);
    const steps = Array.from({ length: 40 }, (_, i) => random.events(i % 7));
    for (const step of steps) await store.append(step);
    expect(store.position).toBe(steps.flat().length);
    expect(readAll(store.folder)).toEqual(steps.flat());
  });

  it("keeps the order of appends that overlap", async () => {
    await using store = await ReplayStore.create(folder);
    const steps = Array.from({ length: 20 }, (_, i) => new RandomEvents(i).events(5));
    await Promise.all(steps.map((step) => store.append(step)));
    expect(readAll()).toEqual(steps.flat());
  });

  it("never writes over another run", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([marked(1)]);
    await expect(ReplayStore.create(folder)).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining("already holds a run"),
    });
    expect(readAll()).toEqual([marked(1)]);
  });

  it("goes on where it stopped", async () => {
    {
      await using store = await ReplayStore.create(folder);
      await store.append([marked(1), plainEpisode()]);
    }
    await using store = await ReplayStore.open(folder);
    expect(store).toMatchObject({ position: 2, attempt: 1 });
    await store.append([plainEpisode({ step: 4 })]);
    expect(readAll()).toEqual([marked(1), plainEpisode(), plainEpisode({ step: 4 })]);
  });

  it("appends nothing of a step that holds what cannot be stored", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([marked(1)]);
    const [rollout] = plainEpisode().rollouts;
    const broken = plainEpisode({ rollouts: [{ ...rollout, tokens: [-1] } as typeof rollout & object] });
    await expect(store.append([marked(2), plainEpisode(), broken])).rejects.toThrow("token id -1");
    await store.append([plainEpisode({ step: 9 })]);
    expect(store.position).toBe(2);
    expect(readAll()).toEqual([marked(1), plainEpisode({ step: 9 })]);
  });

  it("says what is wrong with a folder that it cannot use", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(ReplayStore.create(join(folder, "file"))).rejects.toMatchObject({ code: "disk" });
    await expect(ReplayStore.open(folder)).rejects.toMatchObject({
      code: "notARun",
      message: expect.stringContaining("expected the folder of a run"),
    });
  });

  it("leaves the calling thread free", async () => {
    await using store = await ReplayStore.create(folder);
    const random = new RandomEvents(3);
    const events = Array.from({ length: 2000 }, () => random.episode("questionerEpisode"));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const startedMs = performance.now();
    await store.append(events);
    clearInterval(timer);
    expect(performance.now() - startedMs).toBeGreaterThan(100);
    expect(turns).toBeGreaterThan(10);
  });
});

describe("images", () => {
  const image = (id: string, bytes: () => Promise<Uint8Array>) => ({ id, extension: "png", bytes });
  const content = async () => Uint8Array.of(1, 2, 3);

  it("lie beside the database once the events that name them can be read", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([plainEpisode()], [image("image-3", content), image("image-3", content)]);
    using reader = ReplayReader.open(folder);
    const path = reader.image("image-3");
    expect(path).toBe(join(folder, "images", "image-3.png"));
    expect(new Uint8Array(await readFile(path as string))).toEqual(await content());
    expect(reader.image("image-4")).toBeUndefined();
    expect(await readdir(join(folder, "images"))).toEqual(["image-3.png"]);
  });

  it("are asked for once", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([marked(1)], [image("a", content)]);
    const never = () => Promise.reject(new Error("asked again"));
    await store.append([marked(2)], [image("a", never), image("b", content)]);
    expect((await readdir(join(folder, "images"))).sort()).toEqual(["a.png", "b.png"]);
  });

  it("that cannot be had leave nothing appended", async () => {
    await using store = await ReplayStore.create(folder);
    const fails = () => Promise.reject(new Error("no such pixels"));
    const both = [image("a", content), image("b", fails)];
    await expect(store.append([marked(1)], both)).rejects.toThrow("no such pixels");
    await store.append([marked(2)]);
    expect(readAll()).toEqual([marked(2)]);
    using reader = ReplayReader.open(folder);
    expect(reader.image("a")).toBeUndefined();
  });

  it("cannot be written outside the folder", async () => {
    await using store = await ReplayStore.create(folder);
    await expect(store.append([], [image("../a", content)])).rejects.toMatchObject({ code: "images" });
  });
});

describe("the curriculum", () => {
  /** An episode whose two questions enter as "FIRST a" and "FIRST b"; a third one is rejected. */
  const episode = (first: string, round = 1) =>
    curriculumEpisode({ round, labels: [`${first} a`, null, `${first} b`] });
  const labels = async (store: ReplayStore, round: number) => {
    const places = Array.from({ length: await store.curriculumSize(round) }, (_, place) => place);
    return (await store.curriculum(round, places)).map(({ label }) => label);
  };

  it("is read by place, whatever was appended between, round by round", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([episode("1"), marked(1), episode("2")]);
    await store.append([episode("3", 2)]);
    expect(await labels(store, 1)).toEqual(["1 a", "1 b", "2 a", "2 b"]);
    expect(await labels(store, 2)).toEqual(["3 a", "3 b"]);
    const image = { index: 3, name: "3.png", id: "image-3" };
    expect(await store.curriculum(1, [3, 0])).toEqual([
      { image, question: "is it 2 b ?", label: "2 b", confidence: 0.5, solution: null, description: null },
      { image, question: "is it 1 a ?", label: "1 a", confidence: 0.5, solution: null, description: null },
    ]);
    await expect(store.curriculum(1, [4])).rejects.toMatchObject({ code: "damaged" });
  });

  it("is searched by image over all rounds, without what a resume forgot", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([episode("1"), episode("2", 2)]);
    const found = ["is it 1 a ?", "is it 1 b ?", "is it 2 a ?", "is it 2 b ?"];
    expect(await store.admittedQuestions(["image-3", "image-4"])).toEqual([found, []]);
    await store.resume(1);
    expect(await store.admittedQuestions(["image-3"])).toEqual([found.slice(0, 2)]);
  });

  it("goes back with a resume, over rounds", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([episode("1"), episode("2")]);
    await store.append([episode("3", 2), episode("4", 3)]);
    await store.resume(1);
    expect(await Promise.all([1, 2, 3].map((round) => labels(store, round)))).toEqual([
      ["1 a", "1 b"],
      [],
      [],
    ]);
    await store.append([episode("5")]);
    expect(await labels(store, 1)).toEqual(["1 a", "1 b", "5 a", "5 b"]);
  });

  it("is taken over by a fork up to an event, with those before it, and kept where that begins anew", async () => {
    {
      await using store = await ReplayStore.create(join(folder, "origin"));
      await store.append([episode("1"), episode("2", 2), episode("3", 2), episode("4", 2), episode("5", 3)]);
    }
    await using fork = await ReplayStore.create(join(folder, "fork"));
    await fork.adoptCurricula(join(folder, "origin"), 2, 3);
    await fork.append([episode("6", 2), episode("7", 3)]);
    await fork.resume(0);
    await fork.append([episode("8", 2)]);
    const found = await Promise.all([1, 2, 3].map((round) => labels(fork, round)));
    expect(found).toEqual([["1 a", "1 b"], ["2 a", "2 b", "3 a", "3 b", "8 a", "8 b"], []]);
    const [asked] = await fork.admittedQuestions(["image-3"]);
    expect(asked).toHaveLength(8);
  });

  it("is taken over without items of earlier rounds that are damaged, and not where one of its own is", async () => {
    const origin = join(folder, "origin");
    {
      await using store = await ReplayStore.create(origin);
      await store.append([episode("1"), episode("2"), episode("3", 2)]);
    }
    using database = Database.forWriting(join(origin, "replay.db"));
    database.exec("UPDATE curriculum SET label = '1 c' WHERE round = 1 AND place = 1");
    {
      await using fork = await ReplayStore.create(join(folder, "fork"));
      expect(await fork.adoptCurricula(origin, 2, 3)).toBe(1);
      expect(await Promise.all([1, 2].map((round) => labels(fork, round)))).toEqual([
        ["1 a", "2 a", "2 b"],
        ["3 a", "3 b"],
      ]);
    }
    await using other = await ReplayStore.create(join(folder, "other"));
    const message = expect.stringContaining("item 1 of the curriculum of round 1");
    await expect(other.adoptCurricula(origin, 1, 3)).rejects.toMatchObject({ code: "damaged", message });
    expect(await labels(other, 1)).toEqual([]);
  });

  it("that was changed behind the run's back is damaged", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([episode("1")]);
    using database = Database.forWriting(join(folder, "replay.db"));
    database.exec("UPDATE curriculum SET label = '1 c' WHERE place = 1");
    const message = expect.stringContaining("item 1 of the curriculum of round 1");
    await expect(store.curriculum(1, [0, 1])).rejects.toMatchObject({ code: "damaged", message });
  });
});

describe("resume", () => {
  it("keeps what it supersedes, and shows what survives", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([marked(1), plainEpisode({ step: 0 })]);
    await store.append([marked(2), plainEpisode({ step: 1 })]);
    await store.resume(2);
    expect(store).toMatchObject({ position: 4, attempt: 2 });
    await store.append([marked(3), plainEpisode({ step: 1, confidence: 0.5 })]);

    using reader = ReplayReader.open(folder);
    const survivors = [...reader.events()].map(({ id, attempt }) => [id, attempt]);
    expect(survivors).toEqual([
      [1, 1],
      [2, 1],
      [5, 2],
      [6, 2],
    ]);
    const all = [...reader.events(1, { superseded: "include" })];
    expect(all.map(({ superseded }) => superseded)).toEqual([false, false, true, true, false, false]);
    expect(all[3]?.event).toEqual(plainEpisode({ step: 1 }));
    const ids = (superseded: "exclude" | "include" | "only") =>
      reader.episodes({ superseded }).episodes.map(({ id }) => id);
    expect([ids("exclude"), ids("include"), ids("only")]).toEqual([[6, 2], [6, 4, 2], [4]]);
    expect(reader.count()).toBe(2);
    expect(reader.counts()).toEqual([
      expect.objectContaining({ superseded: false, phase: "reasoner", round: 1, episodes: 2 }),
      expect.objectContaining({ superseded: true, phase: "reasoner", round: 1, episodes: 1 }),
    ]);
  });

  it("may go back again and again", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([marked(1)]);
    await store.resume(1);
    await store.append([marked(2)]);
    await store.resume(1);
    await store.append([marked(3)]);
    expect(store).toMatchObject({ position: 3, attempt: 3 });
    expect(readAll()).toEqual([marked(1), marked(3)]);
  });

  it("refuses what the replay has not reached, and attempts that it knows", async () => {
    await using store = await ReplayStore.create(folder);
    await store.append([marked(1)]);
    await expect(store.resume(2)).rejects.toMatchObject({ code: "run", message: /1 events/ });
    await expect(store.resume(1, 1)).rejects.toMatchObject({ code: "run" });
    expect(store).toMatchObject({ position: 1, attempt: 1 });
  });
});

describe("milestones", () => {
  it("are all rare events, and no more steps than are asked for, all over what was not superseded", async () => {
    await using store = await ReplayStore.create(folder);
    const step = (round: number, n: number) => at(n, reasonerStep({ round, step: n }));
    for (const round of [1, 2]) {
      const steps = Array.from({ length: 40 }, (_, n) => [plainEpisode({ step: n }), step(round, n)]);
      await store.append([at(0, phaseStarted(round, "reasoner")), ...steps.flat()]);
    }
    await store.resume(81 + 41);
    const again = Array.from({ length: 20 }, (_, n) => step(2, 20 + n));
    await store.append([at(1, phaseStarted(3, "reasoner")), ...again]);

    using reader = ReplayReader.open(folder);
    const seen = (steps = 0) => [...reader.milestones({ steps })].map(({ event }) => event);
    const stepsOf = (events: RunEvent[]) => ofType(events, "reasonerStep");
    const phases = [1, 2, 3].map((round) => expect.objectContaining({ round }));
    expect(seen()).toEqual(phases);
    const whole = stepsOf(seen(1000));
    expect(whole.map(({ round, step: n }) => 40 * (round - 1) + n)).toEqual(Array.from(Array(80).keys()));
    for (const most of [1, 7, 30]) {
      const some = seen(most);
      expect(some.filter(({ type }) => type === "phaseStarted")).toEqual(phases);
      const steps = stepsOf(some);
      expect(steps.length).toBeGreaterThanOrEqual(most / 2);
      expect(steps.length).toBeLessThanOrEqual(most);
      // In order, and none twice.
      expect(whole.filter((each) => steps.some((one) => isDeepStrictEqual(one, each)))).toEqual(steps);
    }
  });
});

describe("other processes", () => {
  /** A process that appends step after step, and says which are confirmed. */
  const script = `
    import { ReplayStore } from ${JSON.stringify(new URL("../../dist/replay/store.js", import.meta.url).href)};
    const store = await ReplayStore.create(process.argv[2]);
    const episode = JSON.parse(process.argv[3]);
    for (let step = 0; ; step++) {
      await store.append([{ ...episode, step }, { ...episode, step }]);
      process.stdout.write(step + "\\n");
    }`;
  const startWriter = async () => {
    const program = join(folder, "writer.mjs");
    await writeFile(program, script);
    const args = [program, join(folder, "run"), JSON.stringify(plainEpisode())];
    return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  };

  it("read while the run is being written", async () => {
    const child = await startWriter();
    try {
      await once(child.stdout, "data");
      using reader = ReplayReader.open(join(folder, "run"));
      let seen = 0;
      const untilMs = performance.now() + 1500;
      while (performance.now() < untilMs) {
        const count = reader.count({}, 1e9);
        expect(count).toBeGreaterThanOrEqual(seen);
        expect(count % 2).toBe(0);
        seen = count;
        const { episodes } = reader.episodes({ limit: 4 });
        for (const { id } of episodes) expect(reader.episode(id)?.event).toBeDefined();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(seen).toBeGreaterThan(10);
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });

  it("lose nothing that was confirmed when they are killed", async () => {
    for (const killAfter of [1, 7, 30]) {
      const child = await startWriter();
      let said = "";
      child.stdout.on("data", (text) => {
        said += text;
        if (said.split("\n").length > killAfter) child.kill("SIGKILL");
      });
      await once(child, "close");
      const confirmed = Number(said.trim().split("\n").at(-1));
      const steps = readAll(join(folder, "run")).map((event) => ("step" in event ? event.step : -1));
      const whole = Array.from({ length: steps.length }, (_, i) => i >> 1);
      expect(steps).toEqual(whole);
      expect(steps.length).toBeGreaterThanOrEqual(2 * (confirmed + 1));
      expect(steps.length % 2).toBe(0);
      await using store = await ReplayStore.open(join(folder, "run"));
      expect(store.position).toBe(steps.length);
      await store[Symbol.asyncDispose]();
      await rm(join(folder, "run"), { recursive: true });
    }
  });

  it("that write into the same replay are refused", async () => {
    await using one = await ReplayStore.create(folder);
    await using two = await ReplayStore.open(folder);
    await one.append([marked(1)]);
    await expect(two.append([marked(2)])).rejects.toMatchObject({ code: "run", message: /another process/ });
    expect(readAll()).toEqual([marked(1)]);
  });
});

it("the folder is made, with its parents", async () => {
  await mkdir(join(folder, "a"));
  await using store = await ReplayStore.create(join(folder, "a", "b", "c"));
  expect((await stat(join(store.folder, "replay.db"))).isFile()).toBe(true);
});
