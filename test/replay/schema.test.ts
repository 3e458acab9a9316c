import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Database } from "../../replay/sqlite.ts";
import { ReplayWriter } from "../../replay/writer.ts";
import { plainEpisode, RandomEvents } from "./events.ts";

let folder: string;
let database: Database;
let documented: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "replay-"));
  using writer = ReplayWriter.create(folder);
  const others = new RandomEvents(1).events(20);
  writer.append([
    plainEpisode(),
    ...others,
    ...Array.from({ length: 5 }, (_, step) => plainEpisode({ step })),
  ]);
  database = Database.forReading(join(folder, "replay.db"));
  documented = await readFile(new URL("../../replay/SCHEMA.md", import.meta.url), "utf8");
});
afterAll(async () => {
  database[Symbol.dispose]();
  await rm(folder, { recursive: true });
});

describe("SCHEMA.md", () => {
  it("names every table and every column, and no others", () => {
    const [, tables = ""] = documented.split("## Tables");
    const sections = tables.split("\n## ")[0]?.split("\n### ").slice(1) ?? [];
    const inDocument = sections.map((section) => {
      const columns = [...section.matchAll(/^\| (\w+) \|/gm)].map(([, name]) => name);
      return [section.split("\n")[0], columns.filter((name) => name !== "column")];
    });
    const sql = `SELECT name FROM sqlite_schema WHERE type = 'table'
      AND name NOT LIKE 'texts\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`;
    const names = database
      .prepare(sql)
      .all<{ name: string }>()
      .map(({ name }) => name);
    const columns = "SELECT name FROM pragma_table_xinfo(?) WHERE name NOT IN (?, 'rank')";
    const real = names.map((name) => [
      name,
      database
        .prepare(columns)
        .all<{ name: string }>([name, name])
        .map((row) => row.name),
    ]);
    expect(Object.fromEntries(inDocument)).toEqual(Object.fromEntries(real));
  });

  it("gives examples that work", () => {
    const [, sql = ""] = /```sql\n([\s\S]*?)```/.exec(documented) ?? [];
    const statements = sql.split(";").filter((text) => text.trim() !== "");
    expect(statements).toHaveLength(3);
    for (const statement of statements) {
      const adapted = statement.replace('"red circle"', '"red"').replaceAll("7 *", "1 *");
      expect(database.prepare(adapted).all().length).toBeGreaterThan(0);
    }
  });

  it("says how completions are encoded", () => {
    const sql = "SELECT hex(tokens) AS tokens, hex(log_probs) AS logProbs FROM rollouts WHERE episode = 1";
    expect(database.prepare(sql).get()).toMatchObject({
      tokens: "01AC02F0A204",
      logProbs: "000000BF000080BE00000000",
    });
  });
});

describe("views", () => {
  it("put names and prompts back", () => {
    const parts = "SELECT name, value FROM rollout_parts WHERE episode = 1 AND rollout % 65536 = 0";
    expect(database.prepare(parts).all()).toEqual([
      { name: "agreement", value: 0.9 },
      { name: "format", value: 0.1 },
    ]);
    const prompt = database.value("SELECT prompt FROM episode_prompts WHERE episode = 1");
    expect(prompt).toBe(plainEpisode().prompt);
    expect(database.prepare("SELECT * FROM rollout_checks").all().length).toBeGreaterThan(0);
  });

  it("store a prompt once for all questions", () => {
    const sql = "SELECT count(DISTINCT prompt) FROM episodes WHERE question = 'which colour ?'";
    expect(database.value(sql)).toBe(1);
  });
});

it.runIf(hasShell())("the sqlite3 shell reads the file", () => {
  const sql = "SELECT count(*) FROM texts WHERE texts MATCH 'colour'";
  const output = execFileSync("sqlite3", ["-readonly", join(folder, "replay.db"), sql], { encoding: "utf8" });
  expect(Number(output)).toBeGreaterThanOrEqual(6);
});

function hasShell(): boolean {
  try {
    execFileSync("sqlite3", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
