import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { inspect, isWhole } from "../../replay/check.ts";
import type { RunEvent } from "../../replay/events.ts";
import { migrate } from "../../replay/migrate.ts";
import { migrations } from "../../replay/migrations.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { marked, RandomEvents, writeTurnImage } from "./events.ts";
import { check, survivors } from "./reading.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
  path = join(folder, "replay.db");
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("versions", () => {
  const withoutTwelfth = `ALTER TABLE curriculum DROP COLUMN description;
    ALTER TABLE rollouts DROP COLUMN solution; ALTER TABLE curriculum DROP COLUMN solution`;
  const withoutEleventh = `${withoutTwelfth};
    ALTER TABLE episodes DROP COLUMN tools; DROP TABLE tool_sets; ALTER TABLE rollouts DROP COLUMN verified;
    ALTER TABLE rollouts DROP COLUMN attribution; ALTER TABLE rollouts DROP COLUMN described;
    ALTER TABLE answers DROP COLUMN trajectory; ALTER TABLE answers DROP COLUMN verified`;
  const withoutSeventh = `${withoutEleventh};
    PRAGMA foreign_keys = OFF; ALTER TABLE episodes DROP COLUMN versions; ALTER TABLE episodes DROP COLUMN turns;
    ALTER TABLE rollouts DROP COLUMN trajectory; DROP TABLE phases;
    DELETE FROM measures WHERE figure IN (SELECT id FROM figures WHERE kind IN ('trajectory', 'fault', 'failure', 'cause'));
    CREATE TABLE phases (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    INSERT INTO phases VALUES (1, 'questioner'), (2, 'curriculum'), (3, 'reasoner')`;
  /** An event as it was before log-probabilities under the base, trajectories, tools and causes were recorded. */
  function asBefore(event: RunEvent): RunEvent {
    const unknown = new Set([
      "referenceLogProbs",
      "trajectory",
      "verified",
      "turns",
      "tools",
      "attribution",
      "described",
      "solution",
    ]);
    const text = JSON.stringify(event, (name, value) => (unknown.has(name) ? null : value));
    return JSON.parse(text) as RunEvent;
  }

  const withoutFifth = `${withoutSeventh}; ALTER TABLE rollouts DROP COLUMN reference_log_probs;
    DROP TABLE curriculum; DROP TABLE checksums; DROP INDEX rare_events; DROP TABLE run_images; DROP TABLE run_inputs`;

  it("a newer one is refused, by the reader, the writer and the check", async () => {
    ReplayWriter.create(folder)[Symbol.dispose]();
    using database = Database.forWriting(path);
    database.exec("PRAGMA user_version = 99");
    const refusal = expect.objectContaining({ code: "run", message: expect.stringContaining("version 99") });
    expect(() => ReplayReader.open(folder)).toThrow(refusal);
    expect(() => ReplayWriter.open(folder)).toThrow(refusal);
    const { code, stderr } = await check(folder);
    expect(code).toBe(exitCodes.run);
    expect(stderr).toContain("read it with the release that wrote it");
  });

  it("an older one is brought up to date by the writer, and keeps what it holds", () => {
    {
      using writer = ReplayWriter.create(folder);
      writer.append([marked(1)]);
    }
    using database = Database.forWriting(path);
    const scripts = [
      ...migrations,
      "ALTER TABLE attempts ADD COLUMN host TEXT",
      "UPDATE attempts SET host = 'a'",
    ];
    migrate(database, scripts);
    expect(database.value("PRAGMA user_version")).toBe(scripts.length);
    expect(database.prepare("SELECT attempt, host FROM attempts").all()).toEqual([{ attempt: 1, host: "a" }]);
    const broken = [...scripts, "UPDATE attempts SET host = 'b'; UPDATE nothing SET x = 1"];
    expect(() => migrate(database, broken)).toThrow("nothing");
    expect(database.value("PRAGMA user_version")).toBe(scripts.length);
    expect(database.value("SELECT host FROM attempts")).toBe("a");
  });

  it("the first, which found episodes by indexes, is refused until the run goes on", () => {
    const old = new RandomEvents(6, "selfPlay").events(50);
    {
      using writer = ReplayWriter.create(folder);
      writer.append(old);
      using database = Database.forWriting(path);
      database.exec(withoutFifth);
      database.exec(
        "DROP TABLE columns; ALTER TABLE episodes DROP COLUMN view; CREATE INDEX episodes_reward ON episodes (superseded, phase, reward)",
      );
      database.exec("CREATE INDEX measures_value ON measures (figure, value); PRAGMA user_version = 1");
    }
    const message = expect.stringContaining(
      `found version 1 of the replay's tables, expected 3 to ${migrations.length}`,
    );
    expect(() => ReplayReader.open(folder)).toThrow(expect.objectContaining({ code: "run", message }));
    ReplayWriter.open(folder)[Symbol.dispose]();
    using database = Database.forReading(path);
    const indexes = "SELECT tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    expect(database.prepare(indexes).all()).toEqual([
      { tbl_name: "columns" },
      { tbl_name: "curriculum" },
      { tbl_name: "events" },
    ]);
    expect(survivors(folder)).toEqual(
      old.map(asBefore).map((event) => ("view" in event ? { ...event, view: 0 } : event)),
    );
  });

  it("the third, which had no checksums, is read as it is, and brought up to date when the run goes on", async () => {
    const old = new RandomEvents(8, "selfPlay").events(50);
    {
      using writer = ReplayWriter.create(folder);
      writer.append(old);
      using database = Database.forWriting(path);
      database.exec(`${withoutFifth}; PRAGMA user_version = 3`);
    }
    expect(survivors(folder)).toEqual(old.map(asBefore));
    expect(await inspect(folder)).toMatchObject({ database: [], events: { total: 50, damaged: [] } });
    {
      using writer = ReplayWriter.open(folder);
      writer.append([marked(1)]);
    }
    expect(survivors(folder)).toEqual([...old.map(asBefore), marked(1)]);
    expect(isWhole(await inspect(folder))).toBe(true);
  });

  it("the tenth, whose trajectories did not say what turns taught, is read as it is, and stays whole", async () => {
    /** The events with what turns taught, and where trajectories failed, as given; JSON leaves out what is undefined. */
    const withLessons = (events: readonly RunEvent[], lesson: null | undefined): RunEvent[] =>
      events.map((event) => {
        const turnOf = (turn: object) => ("call" in turn ? { ...turn, advantage: lesson } : turn);
        const shown = (key: string, value: unknown) => {
          if (key === "trajectory" && value !== null) return { ...(value as object), failure: lesson };
          return key === "turns" && Array.isArray(value) ? value.map(turnOf) : value;
        };
        return JSON.parse(JSON.stringify(event, shown));
      });
    /** Without tools, and with turns only where an environment was acted in. */
    const asTenth = (key: string, value: unknown) =>
      key === "tools" ||
      key === "verified" ||
      key === "attribution" ||
      key === "described" ||
      key === "solution"
        ? null
        : /^(answers|blindAnswers)$/.test(key)
          ? (value as object[]).map((answer) => ({ ...answer, trajectory: null }))
          : value;
    const drawn = new RandomEvents(9)
      .events(60)
      .map((event): RunEvent => JSON.parse(JSON.stringify(event, asTenth)));
    {
      using writer = ReplayWriter.create(folder);
      writer.append(withLessons(drawn, undefined), [writeTurnImage(folder)]);
      using database = Database.forWriting(path);
      database.exec(`${withoutEleventh}; PRAGMA user_version = 10`);
    }
    expect(survivors(folder)).toEqual(withLessons(drawn, null));
    ReplayWriter.open(folder)[Symbol.dispose]();
    expect(survivors(folder)).toEqual(withLessons(drawn, null));
    expect(isWhole(await inspect(folder))).toBe(true);
  });

  it("what another program wrote is left alone", () => {
    using database = Database.forWriting(path);
    database.exec("CREATE TABLE theirs (x)");
    const refusal = expect.objectContaining({
      code: "run",
      message: expect.stringContaining("another program"),
    });
    expect(() => ReplayReader.open(folder)).toThrow(refusal);
    expect(() => ReplayWriter.open(folder)).toThrow(refusal);
    expect(database.value("SELECT count(*) FROM sqlite_schema")).toBe(1);
  });

  it("a folder without a replay is no run", async () => {
    const refusal = { code: "notARun", message: expect.stringContaining("expected the folder of a run") };
    expect(() => ReplayReader.open(folder)).toThrow(expect.objectContaining(refusal));
    await expect(inspect(join(folder, "none"))).rejects.toMatchObject(refusal);
    expect(await check(folder)).toMatchObject({ code: exitCodes.notARun, stdout: "" });
  });
});
