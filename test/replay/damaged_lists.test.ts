import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { overviewOf } from "../../inspector/overview.ts";
import { packColumns } from "../../replay/columns.ts";
import type { RunEvent } from "../../replay/events.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { REPLAY_NAME } from "../../replay/schema.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { runProgram } from "../built.ts";
import { plainEpisode, RandomEvents } from "./events.ts";
import { spoil } from "./spoil.ts";

const EVENTS = 400;
const events = new RandomEvents(8).events(EVENTS);
const isEpisode = ({ type }: RunEvent) => type.endsWith("Episode");
const all = events.map((_, i) => i + 1);
const episodes = all.filter((id) => isEpisode(events[id - 1] as RunEvent));
const others = all.filter((id) => !episodes.includes(id));
const sorted = (ids: Iterable<number>) => [...ids].sort((a, b) => a - b);

let folder: string;
let path: string;
/** Replays of these events: the columns of some of the episodes are stored, or of none. */
const written = { packed: "", unpacked: "" };
beforeAll(async () => {
  for (const columns of ["packed", "unpacked"] as const) {
    written[columns] = await mkdtemp(join(tmpdir(), "replay-"));
    {
      using writer = ReplayWriter.create(written[columns]);
      writer.append(events);
    }
    using database = Database.forWriting(join(written[columns], REPLAY_NAME));
    if (columns === "packed") packColumns(database, EVENTS - 50, 50);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
});
afterAll(() => Promise.all(Object.values(written).map((each) => rm(each, { recursive: true }))));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
  path = join(folder, REPLAY_NAME);
});
afterEach(() => rm(folder, { recursive: true }));

/** A copy of one of them in the test's folder, without a page of a table. */
async function damaged(columns: "packed" | "unpacked", table: string): Promise<ReplayReader> {
  await copyFile(join(written[columns], REPLAY_NAME), path);
  spoil(path, table, "middle");
  return ReplayReader.open(folder);
}

const tables = ["episodes", "events", "measures", "rollouts", "images", "attempts", "figures", "rare_events"];
const cases = [
  ...tables.flatMap((table) => [["packed", table] as const, ["unpacked", table] as const]),
  ["packed", "columns"] as const,
  ["packed", "columns_ranges"] as const,
];

describe("lists of a replay that lost a page", () => {
  it.each(cases)(
    "%s, of %s, name every episode that can be read, and those that cannot",
    async (columns, table) => {
      using reader = await damaged(columns, table);
      const [listed, lost] = [sorted(reader.order({ superseded: "include" })), reader.lostEpisodes()];
      expect(sorted([...listed, ...lost])).toEqual(episodes);
      expect(reader.count({ superseded: "include" })).toBe(listed.length);
      const heads = reader.heads(listed);
      const readable = listed.filter((_, i) => heads[i]);
      for (const head of heads)
        if (head) expect(head.step).toBe((events[head.id - 1] as { step: number }).step);
      const pages = reader.episodes({ superseded: "include", limit: 1000 });
      expect(sorted(pages.episodes.map(({ id }) => id))).toEqual(readable);
      expect(sorted([...pages.damaged, ...readable])).toEqual(listed);
      // What reads whole is never missing from a list.
      for (const id of [...listed, ...lost]) {
        const isWhole = reads(() => reader.episode(id) !== undefined);
        if (isWhole) expect(readable).toContain(id);
      }
      if (["episodes", "rollouts", "images"].includes(table))
        expect(readable.length).toBeLessThan(episodes.length);
      expect(readable.length).toBeGreaterThan(episodes.length / 3);
    },
  );

  it.each(cases)("%s, of %s, leave an overview of all that can be read", async (columns, table) => {
    using reader = await damaged(columns, table);
    const lost: number[] = [];
    const found = [
      ...reader.milestones({
        ...{ steps: 10_000, checkpoints: 10_000, superseded: "include" },
        onDamage: (id) => lost.push(id),
      }),
    ];
    expect(sorted([...found.map(({ id }) => id), ...lost])).toEqual(others);
    for (const { id, event } of found) expect(event).toEqual(events[id - 1]);
    expect(lost.length > 0).toBe(table === "events");
    const { about, damage, counts } = overviewOf(reader);
    expect(about.position).toBe(EVENTS);
    expect(sorted(damage.events)).toEqual(sorted(lost));
    expect(damage.episodes).toEqual(reader.lostEpisodes());
    const counted = counts.reduce((sum, each) => sum + each.episodes, 0);
    expect(counted + damage.episodes.length).toBe(episodes.length);
    expect(damage.reasons.length > 0).toBe(["events", "figures"].includes(table));
  });
});

describe("visplay replay list", () => {
  it("shows what can be read of a damaged table, and names the rest", async () => {
    {
      using writer = ReplayWriter.create(folder);
      writer.append(Array.from({ length: 300 }, (_, step) => plainEpisode({ step })));
    }
    spoil(path, "episodes", "middle");
    using reader = ReplayReader.open(folder);
    const lost = reader.lostEpisodes();
    expect(lost.length).toBeGreaterThan(10);
    const { code, stdout, stderr } = await runProgram(["replay", "list", folder, "--json", "--sort", "time"]);
    const listed = stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { id: number }).id);
    expect(listed).toEqual(Array.from({ length: 300 }, (_, i) => i + 1).filter((id) => !lost.includes(id)));
    expect(code).toBe(exitCodes.damaged);
    expect(stderr).toContain(`cannot be read: episode ${lost[0]}–${lost.at(-1)}
`);
    expect(stderr).toContain(`${lost.length} of 300 episodes cannot be read`);
  });
});

function reads(work: () => boolean): boolean {
  try {
    return work();
  } catch {
    return false;
  }
}
