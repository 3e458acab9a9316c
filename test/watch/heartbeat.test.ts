import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { VisplayError } from "../../common/errors.ts";
import type { EventBody } from "../../replay/events.ts";
import { BEAT_NAME, readBeat } from "../../watch/beat.ts";
import { Heartbeat } from "../../watch/heartbeat.ts";
import { type Machine, readStatus } from "../../watch/status.ts";
import { configOf } from "../fakes/config.ts";
import {
  alarm,
  at,
  coEvolution,
  finished,
  phaseStarted,
  questionerAudited,
  questionerStep,
  reasonerStep,
  saved,
} from "../fakes/run_events.ts";

const config = configOf({ rounds: 2 });
const hour = 3_600_000;

let folder: string;
let warnings: string[];
/** The time of day, and the clock that does not jump; one second apart at the start. */
let wallMs: number;
let steadyMs: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "heartbeat-"));
  warnings = [];
  wallMs = 1_001_000;
  steadyMs = 1_000_000;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const start = (attempt = 1) =>
  Heartbeat.start({
    attempt,
    folder,
    config,
    warn: (line) => warnings.push(line),
    activity: () => ["answering 310/1,280"],
    clocks: { wallMs: () => wallMs, steadyMs: () => steadyMs },
  });

/** This machine at the fake time of day; only this process lives. */
const machine = (change: Partial<Machine> = {}): Machine => ({
  host: hostname(),
  wallMs: () => wallMs,
  isAlive: (pid) => pid === process.pid,
  ...change,
});

const feed = (heartbeat: Heartbeat, ...bodies: EventBody[]) => {
  for (const body of bodies) heartbeat.apply(at(steadyMs / 1000, body));
};

/** What the file says once it says something. */
const said = (expected: object) =>
  vi.waitFor(async () => expect(await readBeat(folder)).toMatchObject(expected), 10_000);

describe("a heartbeat", () => {
  test("says from the start that the run is running, and by whom", async () => {
    await using _ = await start();
    expect(await readBeat(folder)).toMatchObject({
      state: "running",
      pid: process.pid,
      host: hostname(),
      attempt: 1,
      startedAtMs: wallMs,
      standing: null,
      activity: ["answering 310/1,280"],
      lastSave: null,
    });
  });

  test("says at once where a phase begins, what was saved and which alarm was raised", async () => {
    await using heartbeat = await start();
    feed(heartbeat, phaseStarted(1, "questioner"));
    await said({ standing: { round: 1, rounds: 2, phase: "questioner", step: 0, steps: 4 } });
    steadyMs += 5000;
    feed(heartbeat, questionerStep({ meanReward: 0.2 }), phaseStarted(1, "reasoner"), reasonerStep(), saved);
    await said({
      rewards: { questioner: 0.2, reasoner: 0.413 },
      confidence: 0.72,
      lastSave: { id: "000001-round-1-reasoner-25", round: 1, atMs: wallMs },
    });
    feed(heartbeat, alarm);
    await said({ alarms: [{ name: "constantAnswer", message: "one answer to everything" }] });
  });

  test("says what is known of the last round's questions, which the next attempt goes on to say", async () => {
    {
      await using heartbeat = await start();
      feed(heartbeat, questionerAudited(1, 9), coEvolution(1, 90), questionerAudited(2, 5), saved);
      await said({ questions: { round: 2, figures: { falseAccepts: 5, unearned: 25 } } });
      feed(heartbeat, coEvolution(2, 88), alarm);
      await said({ questions: { round: 2, figures: { falseAccepts: 5, baseAccuracy: 88 } } });
    }
    await using _ = await start();
    expect(await readBeat(folder)).toMatchObject({ questions: { round: 2, figures: { falseAccepts: 5 } } });
  });

  test("tells the reward of a role of any name", async () => {
    await using heartbeat = await start();
    feed(heartbeat, reasonerStep({ phase: "exam", role: "pupil" }), saved);
    await said({ standing: { phase: "exam" }, rewards: { questioner: null, reasoner: null, pupil: 0.413 } });
  });

  test("beats without news too, about once a second and no more", async () => {
    await using heartbeat = await start();
    feed(heartbeat, phaseStarted(1, "questioner"));
    const first = await readFile(join(folder, BEAT_NAME), "utf8");
    wallMs += 1000;
    for (let step = 0; step < 50; step++) feed(heartbeat, questionerStep({ step }));
    await setTimeout(200);
    expect(JSON.parse(first).beatAtMs).toBe(
      JSON.parse(await readFile(join(folder, BEAT_NAME), "utf8")).beatAtMs,
    );
    await said({ beatAtMs: wallMs, standing: { step: 50 } });
  });

  test("says which attempt it is, and keeps the last save over them", async () => {
    await using first = await start();
    feed(first, saved);
    await first[Symbol.asyncDispose]();
    await using _ = await start(2);
    expect(await readBeat(folder)).toMatchObject({ state: "running", attempt: 2, lastSave: { round: 1 } });
  });

  test("leaves how the run ended", async () => {
    const ends: [(heartbeat: Heartbeat) => void, object][] = [
      [(heartbeat) => feed(heartbeat, finished), { state: "finished", failure: null }],
      [
        (heartbeat) => feed(heartbeat, { type: "runFailed", code: "numeric", message: "loss is NaN" }),
        { state: "failed", failure: { code: "numeric", message: "loss is NaN" } },
      ],
      [
        (heartbeat) => heartbeat.fail(new TypeError("bug")),
        { state: "failed", failure: { code: "internal", message: "bug" } },
      ],
      [
        (heartbeat) => heartbeat.fail(new VisplayError("cancelled", "stopped")),
        { state: "stopped", failure: { code: "cancelled" } },
      ],
      [() => {}, { state: "stopped" }],
    ];
    for (const [end, expected] of ends) {
      const heartbeat = await start();
      end(heartbeat);
      await heartbeat[Symbol.asyncDispose]();
      expect(await readBeat(folder)).toMatchObject(expected);
    }
    expect(await readdir(folder)).toEqual([BEAT_NAME]);
  });

  test("tells durations by the clock that does not jump", async () => {
    await using heartbeat = await start();
    feed(heartbeat, phaseStarted(1, "reasoner"));
    for (const jump of [-5 * hour, 48 * hour]) {
      wallMs += jump;
      steadyMs += 5000;
      feed(heartbeat, reasonerStep({ step: jump < 0 ? 0 : 1 }));
    }
    feed(heartbeat, saved);
    await said({ runningMs: 10_000, standing: { tokensPerSecond: 1200 }, lastSave: { atMs: wallMs } });
    const { standing } = await readBeat(folder);
    // Ten seconds for two of four steps here, and five more phases of as long as this one.
    expect(standing?.remainingMs).toBe(10_000 + 5 * 20_000);
  });

  test("that cannot be written is said once, and the run goes on", async () => {
    const heartbeat = await start();
    await rm(folder, { recursive: true });
    feed(heartbeat, phaseStarted(1, "questioner"));
    await vi.waitFor(() => expect(warnings).toHaveLength(1), 10_000);
    feed(heartbeat, phaseStarted(1, "curriculum"), finished);
    await heartbeat[Symbol.asyncDispose]();
    expect(warnings).toEqual([expect.stringMatching(/^heartbeat: could not write .*; the run goes on$/)]);
  });
});

describe("the status of a run", () => {
  test("is what the beat says while it is fresh, whatever the process list says", async () => {
    await using _ = await start();
    wallMs += 14_000;
    expect(await readStatus(folder, machine({ isAlive: () => false }))).toMatchObject({
      condition: "running",
      silentMs: 14_000,
    });
  });

  test("is death where the process is gone, and silence where nobody can tell", async () => {
    await using _ = await start();
    wallMs += 60_000;
    const conditionOn = async (change: Partial<Machine>) =>
      (await readStatus(folder, machine(change))).condition;
    expect(await conditionOn({ isAlive: () => false })).toBe("died");
    expect(await conditionOn({})).toBe("silent");
    expect(await conditionOn({ host: "elsewhere", isAlive: () => false })).toBe("silent");
  });

  test("survives a time of day that is set back: a beat from the future is not fresh", async () => {
    await using _ = await start();
    wallMs -= hour;
    expect((await readStatus(folder, machine({ isAlive: () => false }))).condition).toBe("died");
  });

  test("of an ended run does not age", async () => {
    const heartbeat = await start();
    feed(heartbeat, finished);
    await heartbeat[Symbol.asyncDispose]();
    wallMs += 100 * hour;
    expect((await readStatus(folder, machine({ isAlive: () => false }))).condition).toBe("finished");
  });

  test("of a folder that holds no run is an error of its own", async () => {
    await expect(readStatus(folder)).rejects.toMatchObject({
      code: "notARun",
      message: expect.stringContaining(`${folder} is no run's folder: found no status.json`),
    });
    await writeFile(join(folder, BEAT_NAME), "{}");
    await expect(readStatus(folder)).rejects.toMatchObject({
      code: "notARun",
      message: expect.stringMatching(/damaged: version/),
    });
    await writeFile(join(folder, BEAT_NAME), '{"version":1,"sta');
    await expect(readStatus(folder)).rejects.toMatchObject({ code: "notARun" });
  });
});
