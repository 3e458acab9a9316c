import { execFile, execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { inspect, isWhole } from "../../replay/check.ts";
import { packColumns } from "../../replay/columns.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayStore } from "../../replay/store.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { actedEpisode } from "./acted_episode.ts";
import { marked, plainEpisode, RandomEvents, turnImage } from "./events.ts";
import { check, survivors } from "./reading.ts";
import { spoil } from "./spoil.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
  path = join(folder, "replay.db");
});
afterEach(async () => {
  await chmod(folder, 0o755);
  await rm(folder, { recursive: true, force: true });
});

describe("a failure in the middle of an append", () => {
  it.each(["episodes", "rollouts", "answers", "measures"])("in table %s leaves nothing of it", (table) => {
    using writer = ReplayWriter.create(folder);
    const before = new RandomEvents(1).events(20);
    writer.append(before);
    using saboteur = Database.forWriting(path);
    saboteur.exec(
      `CREATE TRIGGER sabotage BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'sabotage'); END`,
    );
    const random = new RandomEvents(2);
    const step = Array.from({ length: 10 }, () => random.episode("questionerEpisode"));
    expect(() => writer.append(step)).toThrow("sabotage");
    expect(survivors(folder)).toEqual(before);
    saboteur.exec("DROP TRIGGER sabotage");
    writer.append(step);
    expect(survivors(folder)).toEqual([...before, ...step]);
  });

  it("because the disk is full is a disk error, and goes on once there is room", () => {
    const database = Database.forWriting(path);
    using writer = new ReplayWriter(database);
    const random = new RandomEvents(3);
    writer.append([marked(1)]);
    const pages = database.value<number>("PRAGMA page_count") as number;
    database.exec(`PRAGMA max_page_count = ${pages + 4}`);
    const step = Array.from({ length: 60 }, () => random.episode("questionerEpisode"));
    expect(() => writer.append(step)).toThrow(
      expect.objectContaining({
        code: "disk",
        message: expect.stringContaining("the disk is full; make room"),
      }),
    );
    expect(survivors(folder)).toEqual([marked(1)]);
    database.exec("PRAGMA max_page_count = 1000000");
    writer.append(step);
    expect(survivors(folder)).toEqual([marked(1), ...step]);
  });

  it.runIf(canMount())("on a disk that is really full loses nothing that was confirmed", async () => {
    const small = join(folder, "small");
    await mkdir(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", small]);
    try {
      const random = new RandomEvents(4);
      const confirmed: unknown[] = [];
      {
        await using store = await ReplayStore.create(small);
        const fill = async () => {
          for (;;) {
            const step = random.events(20);
            await store.append(step);
            confirmed.push(...step);
          }
        };
        await expect(fill()).rejects.toMatchObject({ code: "disk" });
      }
      expect(confirmed.length).toBeGreaterThan(20);
      using reader = ReplayReader.open(small);
      expect([...reader.events()].map(({ event }) => event)).toEqual(confirmed);
    } finally {
      execFileSync("umount", ["-l", small]);
    }
  });
});

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  try {
    execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe("a read-only folder", () => {
  /** What a user without rights is told; who may do anything becomes somebody who may not. */
  async function asAnyone(code: string): Promise<string> {
    const dist = new URL("../../dist/replay/", import.meta.url).href;
    const script = `
      const { ReplayReader } = await import("${dist}reader.js");
      const { ReplayStore } = await import("${dist}store.js");
      const folder = ${JSON.stringify(folder)};
      try { ${code} } catch (error) { console.log(error.code + ": " + error.message); }`;
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["-e", `(async () => {${script}})()`],
      nobody,
    );
    return stdout.trim();
  }
  const count = "console.log(ReplayReader.open(folder).count());";

  it("cannot hold a new run", async () => {
    await chmod(folder, 0o555);
    expect(await asAnyone("await ReplayStore.create(folder);")).toMatch(/^disk: .*writing is not permitted/);
  });

  it("can be read once a run has ended, and not be written", async () => {
    {
      await using store = await ReplayStore.create(folder);
      await store.append([plainEpisode(), plainEpisode()]);
    }
    for (const suffix of ["-wal", "-shm"]) await rm(`${path}${suffix}`, { force: true });
    await chmod(folder, 0o555);
    expect(await asAnyone(count)).toBe("2");
    expect(await asAnyone("await ReplayStore.open(folder);")).toMatch(/^disk: /);
  });

  it("that may not be read says so", async () => {
    ReplayWriter.create(folder)[Symbol.dispose]();
    await chmod(path, 0o200);
    expect(await asAnyone(count)).toMatch(/^disk: .*replay.db: this user may not read it/);
  });

  it("that still needs writing says so", async () => {
    const own = new RandomEvents(1);
    const run = join(folder, "run");
    await mkdir(run);
    using writer = ReplayWriter.create(run);
    writer.append(own.events(5));
    for (const suffix of ["", "-wal"]) {
      await writeFile(`${path}${suffix}`, await readFile(join(run, `replay.db${suffix}`)));
    }
    await chmod(folder, 0o555);
    expect(await asAnyone(count)).toMatch(/^disk: .*copy the run's folder/);
  });
});

describe("damage", () => {
  const events = new RandomEvents(7).events(200);
  const image = { ...turnImage, bytes: async () => Uint8Array.of(1, 2, 3) };
  beforeEach(async () => {
    await using store = await ReplayStore.create(folder);
    await store.append(events, [image]);
  });

  it("is not found in what is whole", async () => {
    const { code, stdout } = await check(folder);
    expect(stdout).toMatch(
      /^database: whole\n200 events: all whole\n\d+ curriculum items: all whole\n1 image: all whole\n$/,
    );
    expect(code).toBe(0);
  });

  it.each(["rollouts", "answers", "episodes"])("of a page of %s leaves the rest readable", async (table) => {
    spoil(path, table);
    const { code, stdout, stderr } = await check(folder);
    expect(code).toBe(exitCodes.damaged);
    const damaged = Number(/200 events: (\d+) damaged/.exec(stdout)?.[1]);
    expect(damaged).toBeGreaterThan(0);
    expect(damaged).toBeLessThan(150);
    expect(stdout).toMatch(/^ {2}\d+: database disk image is malformed$/m);
    expect(stderr).toContain(`${200 - damaged} of 200 events and 1 of 1 image can still be read`);

    using reader = ReplayReader.open(folder);
    const lost: number[] = [];
    const read = [...reader.events(1, { onDamage: (id) => lost.push(id) })];
    expect(lost).toHaveLength(damaged);
    expect(read).toHaveLength(200 - damaged);
    for (const { id, event } of read) expect(event).toEqual(events[id - 1]);
  });

  it("of the stored columns leaves every event readable", async () => {
    using database = Database.forWriting(path);
    packColumns(database, 200, 50);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    spoil(path, "columns");
    const inspection = await inspect(folder);
    expect(isWhole(inspection)).toBe(false);
    expect(inspection.events.damaged).toEqual([]);
    expect((await check(folder)).stdout).toMatch(/^database: damaged\n( {2}\S.*\n)+200 events: all whole\n/);
  });

  it("of the text of an event that is no episode is named, also where only those are read", async () => {
    const database = Database.forReading(path);
    const id = database.value<number>("SELECT id FROM events ORDER BY length(body) DESC") as number;
    const body = database.value<string>("SELECT body FROM events WHERE id = ?", [id]) as string;
    database[Symbol.dispose]();
    const bytes = await readFile(path);
    // SQLite leaves copies where it divides a page.
    for (let at = bytes.indexOf(body); at >= 0; at = bytes.indexOf(body, at)) bytes.write("x", at);
    await writeFile(path, bytes);
    const { database: structure, events: tally } = await inspect(folder);
    expect(structure).toEqual(["malformed JSON"]);
    expect(tally.damaged).toEqual([{ name: String(id), reason: expect.stringMatching(/not valid JSON$/) }]);
    using reader = ReplayReader.open(folder);
    const message = expect.stringContaining(`event ${id} is damaged`);
    const damage = expect.objectContaining({ code: "damaged", message });
    expect(() => [...reader.milestones({ steps: 1000 })]).toThrow(damage);
  });

  it("of one row is named", async () => {
    using database = Database.forWriting(path);
    const id = database.value<number>("SELECT id FROM episodes WHERE rollouts > 0 LIMIT 1") as number;
    database.prepare("UPDATE rollouts SET log_probs = x'000000' WHERE episode = ?").run([id]);
    const { events: tally } = await inspect(folder);
    expect(tally.damaged).toEqual([
      { name: String(id), reason: "found 3 bytes of log-probabilities, expected whole float32" },
    ]);
    using reader = ReplayReader.open(folder);
    expect(() => reader.episode(id)).toThrow(expect.objectContaining({ code: "damaged" }));
  });

  it("of an image, and a missing one, is named", async () => {
    const file = join(folder, "images", "image-3.png");
    await writeFile(file, Uint8Array.of(1, 2, 4));
    expect((await inspect(folder)).images.damaged).toEqual([
      { name: file, reason: "the file is not the one that was written" },
    ]);
    await rm(file);
    expect((await inspect(folder)).images.damaged).toEqual([{ name: file, reason: "the file is missing" }]);
    const { code, stdout } = await check(folder);
    expect(code).toBe(exitCodes.damaged);
    expect(stdout).toContain("the file is missing");
  });

  it("of an image that stands in a turn and was not stored, is named", async () => {
    {
      using writer = ReplayWriter.open(folder);
      const image = { role: "tool", parts: [{ image: "image-9" }] };
      const [first, ...others] = actedEpisode().rollouts;
      const trajectory = { ...first?.trajectory, observations: [{ after: 2, turns: [image] }] };
      const observed = { ...first, trajectory } as typeof first;
      writer.append([
        actedEpisode(),
        actedEpisode({ turns: [image] }),
        { ...actedEpisode(), rollouts: [observed, ...others] } as never,
      ]);
    }
    const reason = 'image "image-9" of its turns was not stored';
    expect((await inspect(folder)).events.damaged).toEqual([
      { name: "202", reason },
      { name: "203", reason },
    ]);
    expect((await check(folder)).stdout).toContain(`203: ${reason}`);
  });

  it("by losing its end leaves the beginning readable", async () => {
    using database = Database.forReading(path);
    const size = database.value<number>("PRAGMA page_size") as number;
    const pages = database.value<number>("PRAGMA page_count") as number;
    database[Symbol.dispose]();
    await truncate(path, size * Math.floor(pages * 0.9));
    const { code, stderr } = await check(folder);
    expect(code).toBe(exitCodes.damaged);
    expect(stderr).toMatch(/damaged; \d+ of \d+ events/);
  });

  it("of everything is told from a folder that is no run", async () => {
    await writeFile(path, "x".repeat(10_000));
    const { code, stderr } = await check(folder);
    expect(code).toBe(exitCodes.damaged);
    expect(stderr).toContain("expected a run's replay");
  });
});
