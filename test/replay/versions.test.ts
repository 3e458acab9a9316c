import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inspect, isWhole } from "../../replay/check.ts";
import { Checksum } from "../../replay/checksum.ts";
import { REPLAY_VERSION, type RunEvent } from "../../replay/events.ts";
import { migrations } from "../../replay/migrations.ts";
import { changes, modernize, type StoredBody } from "../../replay/modernize.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { playIn } from "../fakes/play.ts";
import { at, questionerStep, reasonerStep, saved } from "../fakes/run_events.ts";
import { makeWorld, smallConfig } from "../fakes/world.ts";
import { marked, plainEpisode, RandomEvents, writeTurnImage } from "./events.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
  path = join(folder, "replay.db");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function eventsIn(run: string): RunEvent[] {
  using reader = ReplayReader.open(run);
  return [...reader.events(1, { superseded: "include" })].map(({ event }) => event);
}

/** Puts a body, with its checksum, in the place of an event's. */
function overwrite(id: number, body: object): void {
  using database = Database.forWriting(path);
  database.prepare("UPDATE events SET body = ? WHERE id = ?").run([JSON.stringify(body), id]);
  const row = database.prepare("SELECT id, attempt, at_ms, type, body FROM events WHERE id = ?").get([id]);
  const { value } = new Checksum().add("events", row ?? {});
  database.prepare("UPDATE checksums SET crc32 = ? WHERE event = ?").run([value, id]);
}

describe("bodies", () => {
  it("of every version before the present one have a change", () => {
    expect(changes).toHaveLength(REPLAY_VERSION - 1);
  });

  it("of the present version are read as they are", () => {
    for (const event of new RandomEvents(3).events(200).concat(at(1, saved), at(1, reasonerStep()))) {
      const { atMs: _, type, ...body } = event;
      expect({ atMs: event.atMs, ...modernize(type, body) }).toEqual(event);
    }
  });

  it("of every type that a run records come back from a replay unchanged", async () => {
    const config = smallConfig((small) => {
      small.trial.images = 2;
      small.coEvolution.questions = 4;
      small.warmUp.steps = 1;
      small.alarms.constantAnswer = { threshold: 0.01, window: 1 };
    });
    const audited = [{ image: 1, question: "how many dots plus 1 ?", answer: "2" }];
    const world = { ...makeWorld({ broken: (image) => image === 3 }), audited };
    const { events, error } = await playIn(world, config);
    expect(error).toBeUndefined();
    expect(new Set(events.map(({ type }) => type)).size).toBe(19);
    using writer = ReplayWriter.create(folder);
    writer.append(events);
    expect(eventsIn(folder)).toEqual(events);
  });

  it("of the third version did not say how trajectories began to fail", () => {
    const step = { ...reasonerStep({ trajectories: { meanTurns: 2 } as never }), version: 3 };
    expect(modernize("reasonerStep", step)).toMatchObject({ trajectories: { meanTurns: 2, failures: null } });
    const still = { ...reasonerStep(), version: 3 };
    expect(modernize("reasonerStep", still)).toMatchObject({ trajectories: null });
  });

  it("of the fourth version held nothing that passed the gate against the truth, and counted no kinds", () => {
    const { audit: _, ...step } = { ...questionerStep(), version: 4 };
    expect(modernize("questionerStep", step)).toMatchObject({ audit: null });
    const audit = { meaningful: 1, silverCorrect: 0.9, silverCorrectByConfidence: [] };
    const built = modernize("curriculumBuilt", { ...{ audit }, version: 4 });
    expect(built).toMatchObject({ audit: { ...audit, kinds: {} } });
    expect(modernize("curriculumBuilt", { ...{ audit: null }, version: 4 })).toMatchObject({ audit: null });
  });

  it("of a newer version are refused, and say so wherever they are read", async () => {
    using writer = ReplayWriter.create(folder);
    writer.append([marked(1), marked(2)]);
    overwrite(2, { version: REPLAY_VERSION + 1, stage: "selfPlay", what: "nobody knows" });
    using reader = ReplayReader.open(folder);
    const newer = `found version ${REPLAY_VERSION + 1} of an event, expected at most ${REPLAY_VERSION}`;
    const refusal = expect.objectContaining({
      code: "run",
      message: `event 2: ${newer}; read it with the release that wrote it`,
    });
    expect(() => [...reader.events()]).toThrow(refusal);
    expect(() => [...reader.milestones()]).toThrow(refusal);
    const unread: number[] = [];
    const read = [...reader.events(1, { onDamage: (id) => unread.push(id) })];
    expect([read.length, unread]).toEqual([1, [2]]);
    const { events } = await inspect(folder);
    expect(events.damaged).toEqual([{ name: "2", reason: expect.stringContaining(newer) }]);
  });

  it.each([0, -1, 1.5, "2", null])("of version %j are damaged", (version) => {
    expect(() => modernize("runStopped", { version })).toThrow(expect.objectContaining({ code: "damaged" }));
  });

  it("are held against their checksum as they were recorded", () => {
    using writer = ReplayWriter.create(folder);
    writer.append([marked(1)]);
    overwrite(1, { code: "old", message: "" });
    expect(eventsIn(folder)).toEqual([marked(1)].map((event) => ({ ...event, code: "old" })));
    using database = Database.forWriting(path);
    database.exec(`UPDATE events SET body = '{"code":"new","message":""}' WHERE id = 1`);
    expect(() => eventsIn(folder)).toThrow("its checksum differs");
  });
});

/** What release 0.1.0 and those before it recorded of a small run that was resumed: version_1/replay.db. */
describe("a replay of the first version", () => {
  beforeEach(() => copyFile(new URL("version_1/replay.db", import.meta.url), path));

  /** Bodies as they stand in the file, by the event's number. */
  function stored(): Map<number, { readonly type: string; readonly body: StoredBody }> {
    using database = Database.forReading(path);
    const rows = database
      .prepare("SELECT id, type, body FROM events")
      .all<{ id: number; type: string; body: string }>();
    return new Map(rows.map(({ id, type, body }) => [id, { type, body: JSON.parse(body) }]));
  }

  it("is whole, and tells all that was recorded in the present form", async () => {
    const before = stored();
    expect(before.size).toBe(35);
    expect([...before.values()].filter(({ body }) => "version" in body)).toEqual([]);
    expect(isWhole(await inspect(folder))).toBe(true);

    const events = eventsIn(folder);
    expect(events).toHaveLength(46);
    for (const event of events) expect(event).toMatchObject({ version: REPLAY_VERSION, stage: "selfPlay" });
    for (const [id, { type, body }] of before) expect(events[id - 1]).toMatchObject({ type, ...body });
    // What was added to each type since, null where it was not recorded.
    const added = [...before].map(([id, { type, body }]) => {
      const now = events[id - 1] as unknown as Record<string, object | null>;
      const names = Object.keys(now).filter((name) => !(name in body) && name !== "atMs");
      const health = Object.keys(now.health ?? {}).length;
      return JSON.stringify([type, ...names.sort(), ...(now.health ? [health] : [])]);
    });
    const always = ["stage", "type", "version"];
    const lines = (...all: (readonly (string | number)[])[]) => all.map((line) => JSON.stringify(line));
    expect(added).toEqual(
      expect.arrayContaining(
        lines(
          ["runStarted", "release", ...always],
          ["runResumed", "images", "release", ...always],
          ["runFinished", ...always],
          ["runFinished", ...always, "updates"].toSorted(),
          ["phaseFinished", "figures", ...always],
          ["phaseFinished", ...always],
          ["audited", "admitted", ...always],
          ["audited", ...always],
          ["questionerStep", "audit", "role", "stage", "type", "verified", "version", 10],
          ["curriculumStep", "role", "stage", "type", "verified", "version", 10],
          ["reasonerStep", "attribution", "imitated", "role", "stage", "trajectories", "type", "version", 10],
          ["warmUpStep", ...always],
          ["rolloutFailed", ...always],
        ),
      ),
    );
    const ofType = (type: RunEvent["type"]) => events.filter((event) => event.type === type);
    expect(ofType("runStarted")).toMatchObject([{ release: null, images: 12 }]);
    expect(ofType("runResumed")).toMatchObject([{ release: null, images: null, config: { rounds: 1 } }]);
    expect(ofType("audited")).toMatchObject([{ admitted: expect.any(Number) }, { admitted: null }]);
    expect(ofType("runFinished")).toMatchObject([{ updates: { questioner: 3 } }, { updates: null }]);
    expect(ofType("questionerStep")[0]).toMatchObject({ role: "questioner", health: { cutAnswers: null } });
    expect(ofType("reasonerStep")[0]).toMatchObject({ role: "reasoner", health: { cutAnswers: 0 } });
  });

  it("has episodes, listed, counted and read as those of today", () => {
    using reader = ReplayReader.open(folder);
    const counts = reader
      .counts()
      .map(({ stage, phase, role, type, episodes }) => [stage, phase, role, type, episodes]);
    expect(counts).toEqual([
      ["selfPlay", "questioner", "questioner", "questionerEpisode", 3],
      ["selfPlay", "curriculum", "questioner", "curriculumEpisode", 4],
      ["selfPlay", "reasoner", "reasoner", "reasonerEpisode", 4],
    ]);
    const { episodes } = reader.episodes({ phases: ["curriculum"], role: "questioner" });
    expect(episodes).toHaveLength(4);
    const { event } = reader.episode(episodes[0]?.id as number) ?? {};
    expect(event).toMatchObject({ type: "curriculumEpisode", versions: { questioner: 3, reasoner: 1 } });
    const [question] = event?.type === "curriculumEpisode" ? event.questions : [];
    expect(question?.blindAnswers).toHaveLength(1);
  });

  it("is brought up to date when the run goes on, and tells the same", async () => {
    const [events, { counts, pages }] = [eventsIn(folder), lists()];
    {
      using writer = ReplayWriter.open(folder);
      writer.append([plainEpisode(), new RandomEvents(2).episode(), at(1, saved)], [writeTurnImage(folder)]);
    }
    using database = Database.forReading(path);
    expect(database.value("PRAGMA user_version")).toBe(migrations.length);
    expect(database.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
    expect(eventsIn(folder).slice(0, events.length)).toEqual(events);
    expect(isWhole(await inspect(folder))).toBe(true);
    const later = lists();
    expect(later.pages.filter(({ id }) => id <= events.length)).toEqual(pages);
    expect(later.counts.map(({ episodes }) => episodes)).toEqual([3, 4, 5, 1]);
    expect(counts.map(({ episodes }) => episodes)).toEqual([3, 4, 4]);
  });

  function lists() {
    using reader = ReplayReader.open(folder);
    return { counts: reader.counts(), pages: reader.episodes({ superseded: "include" }).episodes };
  }
});

describe("names that this program does not know", () => {
  const gym = { stage: "gym", phase: "climb", role: "climber" };
  const climb = plainEpisode({ ...gym, versions: { climber: 7, reasoner: 2 } } as object);

  it("are listed, counted, filtered and read", async () => {
    {
      using writer = ReplayWriter.create(folder);
      writer.append([plainEpisode(), climb, { ...climb, step: 1 }]);
      // Of the same names, and another shape.
      writer.append([{ ...new RandomEvents(5, "selfPlay").episode("questionerEpisode"), ...gym }]);
    }
    using reader = ReplayReader.open(folder);
    const ids = (query: object) => reader.episodes(query).episodes.map(({ id }) => id);
    expect(ids({})).toEqual([4, 3, 2, 1]);
    expect(ids({ stages: ["gym"] })).toEqual([4, 3, 2]);
    expect(ids({ phases: ["climb", "reasoner"], role: "climber" })).toEqual([4, 3, 2]);
    expect(ids({ role: "reasoner" })).toEqual([1]);
    expect(ids({ ranges: { "version:climber": { min: 7 } } })).toEqual([3, 2]);
    expect([ids({ phases: ["never"] }), ids({ role: "nobody" }), reader.count({ stages: ["none"] })]).toEqual(
      [[], [], 0],
    );
    expect(reader.episode(2)?.event).toEqual(climb);
    const [head] = reader
      .episodes({ ...{ role: "climber" }, ranges: { step: { max: 0 } } })
      .episodes.slice(-1);
    expect(head).toMatchObject({ ...gym, type: "reasonerEpisode", versions: climb.versions });
    expect(head?.measures).toEqual({ "part:agreement": 0.45, "part:format": 0.1 });
    expect(reader.figures().filter(({ name }) => name === "version:climber")).toEqual([
      { ...gym, type: "reasonerEpisode", name: "version:climber", min: 7, max: 7 },
    ]);
    expect(reader.counts().map(({ phase, type, episodes }) => [phase, type, episodes])).toEqual([
      ["reasoner", "reasonerEpisode", 1],
      ["climb", "reasonerEpisode", 2],
      ["climb", "questionerEpisode", expect.any(Number)],
    ]);
    expect(isWhole(await inspect(folder))).toBe(true);
  });

  it("are damaged where they are not as they were written, and so are their episodes", async () => {
    using writer = ReplayWriter.create(folder);
    writer.append([plainEpisode(), climb]);
    using database = Database.forWriting(path);
    database.exec("UPDATE phases SET role = 'climbed' WHERE name = 'climb'");
    const { database: damages, events } = await inspect(folder);
    expect(damages).toEqual(["phase 4 is damaged: its checksum differs"]);
    expect(events.damaged.map(({ name }) => name)).toEqual(["2"]);
    using reader = ReplayReader.open(folder);
    expect(reader.episode(1)?.event).toEqual(plainEpisode());
    expect(() => reader.episode(2)).toThrow(expect.objectContaining({ code: "damaged" }));
  });
});
