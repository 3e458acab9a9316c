import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { Database } from "../../replay/sqlite.ts";
import { program } from "../built.ts";
import { type WrittenReplay, writeReplay } from "../inspector/replays.ts";
import { plainEpisode, RandomEvents } from "../replay/events.ts";
import { visplay } from "./visplay.ts";

let replay: WrittenReplay;
beforeAll(async () => {
  replay = await writeReplay(new RandomEvents(5).events(1500));
});
afterAll(() => replay[Symbol.asyncDispose]());

const linesOf = (stdout: string) => stdout.trimEnd().split("\n");

test("a table of the newest, and how many there are", async () => {
  const { status, stdout, stderr } = await visplay("replay", "list", replay.folder, "--limit", "3");
  const { episodes } = replay.reader.episodes({ limit: 3 });
  const lines = linesOf(stdout);
  expect(lines.slice(1, 4).map((line) => Number.parseInt(line.trim().replace(",", ""), 10))).toEqual(
    episodes.map(({ id }) => id),
  );
  const total = replay.reader.order().length;
  expect(lines.at(-1)).toBe(`3 of ${total.toLocaleString("en-US")} episodes; --limit shows more`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("--json gives all that the filters match, in their order, a line for each", async () => {
  const filters = ["--phase", "reasoner", "--where", "confidence=0.2..0.9", "--sort", "confidence"];
  const { stdout, stderr } = await visplay("replay", "list", replay.folder, "--json", ...filters);
  const query = {
    phases: ["reasoner"],
    ranges: { confidence: { min: 0.2, max: 0.9 } },
    sort: { by: "confidence", order: "ascending" },
  } as const;
  const expected = replay.reader.heads([...replay.reader.order(query)]);
  expect(expected.length).toBeGreaterThan(100);
  expect(linesOf(stdout).map((line) => JSON.parse(line))).toEqual(expected);
  expect(stderr).toBe("");
});

test("--json ends well where its reader goes away", async () => {
  const command = `"${process.execPath}" "${program}" replay list "${replay.folder}" --json | head -1; echo "\${PIPESTATUS[0]}"`;
  const [line = "", status] = linesOf(execFileSync("bash", ["-c", command], { encoding: "utf8" }));
  expect(JSON.parse(line)).toEqual(replay.reader.heads([replay.reader.order()[0] as number])[0]);
  expect(status).toBe("0");
});

test("what nothing matches is said, and JSON has no lines then", async () => {
  expect((await visplay("replay", "list", replay.folder, "--image", "other")).stdout).toBe(
    "no episode matches\n",
  );
  expect((await visplay("replay", "list", replay.folder, "--image", "other", "--json")).stdout).toBe("");
});

test("what cannot be is an error that says what was expected", async () => {
  const nowhere = join(tmpdir(), "visplay-nowhere");
  expect(await visplay("replay", "list", nowhere)).toMatchObject({ status: exitCodes.notARun, stdout: "" });
  expect(await visplay("replay", "list", replay.folder, "--limit", "0")).toMatchObject({
    status: exitCodes.usage,
    stderr: expect.stringContaining("--limit: found 0, expected a whole number above 0"),
  });
  expect(await visplay("replay", "list", replay.folder, "--where", "rewrd=1")).toMatchObject({
    status: exitCodes.usage,
    stderr: expect.stringContaining("reward, advantage"),
  });
});

test("a replay of a newer version is refused", async () => {
  await using newer = await writeReplay([plainEpisode()]);
  using database = Database.forWriting(join(newer.folder, "replay.db"));
  database.exec("PRAGMA user_version = 99");
  expect(await visplay("replay", "list", newer.folder)).toMatchObject({
    status: exitCodes.run,
    stderr: expect.stringContaining("99"),
  });
});

test("of a damaged one all is listed that can be read, and the rest is named", async () => {
  await using damaged = await writeReplay([plainEpisode(), plainEpisode(), plainEpisode()]);
  using database = Database.forWriting(join(damaged.folder, "replay.db"));
  database.exec("PRAGMA foreign_keys = OFF; UPDATE episodes SET image = 999 WHERE id = 2");
  for (const flags of [["--json"], []]) {
    const { status, stdout, stderr } = await visplay("replay", "list", damaged.folder, ...flags);
    expect(status).toBe(exitCodes.damaged);
    expect(stderr).toContain("cannot be read: episode 2\n");
    expect(stderr).toContain("1 of 3 episodes cannot be read");
    expect(stdout).toContain(flags.length > 0 ? '"id":3' : "\n      3  reasoner");
    expect(stdout).toContain(flags.length > 0 ? '"id":1' : "\n      1  reasoner");
  }
});
