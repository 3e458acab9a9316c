import { expect, test } from "vitest";
import { statusText } from "../../cli/status.ts";
import type { Status } from "../../watch/status.ts";

const nowMs = Date.UTC(2026, 0, 2, 12);
const status: Status = {
  version: 1,
  condition: "running",
  silentMs: 1000,
  state: "running",
  failure: null,
  pid: 42,
  host: "here",
  attempt: 2,
  startedAtMs: nowMs - 100_000,
  beatAtMs: nowMs - 1000,
  runningMs: 99_000,
  waitsFor: null,
  standing: {
    ...{ round: 1, rounds: 3, phase: "reasoner", step: 49, steps: 150 },
    ...{ remainingMs: 361_000, tokensPerSecond: 3662, reward: 0.91, confidence: null },
    trajectories: null,
    causes: null,
  },
  activity: ["answering 310/1,280"],
  rewards: { questioner: 0.11, reasoner: 0.91 },
  confidence: 0.85,
  questions: null,
  lastSave: { id: "000003-round-1-reasoner-25", round: 1, atMs: nowMs - 60_000 },
  alarms: [],
};

test("a running run: where it is, when it ends, what it earned and saved", () => {
  expect(statusText(status, nowMs)).toBe(
    [
      "running (last beat 1 s ago)",
      "round 1/3 · reasoner · step 49/150 · answering 310/1,280 · ETA 6 min 01 s · reward 0.91 · 3,662 tokens/s",
      "reward of the questioner 0.11 · reward of the reasoner 0.91 · confidence 0.85",
      "last checkpoint: 000003-round-1-reasoner-25, 1 min 00 s ago",
      "attempt 2 · process 42 on here · ran 1 min 39 s",
    ].join("\n"),
  );
});

test("says what the last round's questions were", () => {
  const questions = { round: 2, figures: { falseAccepts: 4.04, baseAccuracy: 87.5 } };
  expect(statusText({ ...status, questions }, nowMs)).toContain(
    "\nquestions of round 2: base right 87.5% · false accepts 4.0%\n",
  );
});

test.each<[Partial<Status>, RegExp]>([
  [{ condition: "finished" }, /^finished 1 s ago\n/],
  [{ condition: "failed", failure: { code: "disk", message: "full" } }, /^failed 1 s ago: full\n/],
  [
    { condition: "stopped", failure: { code: "cancelled", message: "the call was cancelled" } },
    /^interrupted 1 s ago\n/,
  ],
  [
    { condition: "died" },
    /^died: its process is gone, and said nothing after 2026-01-02 11:59:59 \(1 s ago\)\n/,
  ],
  [{ condition: "silent" }, /^silent on here since 2026-01-02 11:59:59 \(1 s ago\); look there/],
])("one that is not: %j", (change, headline) => {
  const text = statusText({ ...status, ...change }, nowMs);
  expect(text).toMatch(headline);
  expect(text).not.toMatch(/ETA|answering/);
});

test("a run that waits says for what", () => {
  const waitsFor = "waiting for 300 MB of room on the disk";
  expect(statusText({ ...status, waitsFor }, nowMs)).toMatch(
    /^running, waiting for 300 MB of room on the disk \(last beat 1 s ago\)\n/,
  );
});

test("alarms are listed, and what is not known yet is left out", () => {
  const alarm = { round: 1, phase: "reasoner", name: "constantAnswer", message: "one answer" } as const;
  const young = { standing: null, lastSave: null, rewards: { questioner: null, reasoner: null } };
  expect(statusText({ ...status, ...young, confidence: null, alarms: [alarm] }, nowMs)).toBe(
    [
      "running (last beat 1 s ago)",
      "nothing saved yet",
      "attempt 2 · process 42 on here · ran 1 min 39 s",
      "alarm in round 1, reasoner: one answer",
    ].join("\n"),
  );
});

test("the commonest cause of wrong answers is said last, where there is one", () => {
  const lineWith = (causes: Readonly<Record<string, number | null>>) => {
    const standing = { ...status.standing, causes } as typeof status.standing;
    return statusText({ ...status, activity: [], standing }, nowMs).split("\n")[1];
  };
  expect(lineWith({ grounding: 0.125, fusion: 0.25, reasoning: null })).toMatch(
    /3,662 tokens\/s · fusion 25%$/,
  );
  expect(lineWith({ grounding: 0, fusion: null })).toMatch(/3,662 tokens\/s$/);
});

test("how trajectories go is said where one has several turns, or not all went well", () => {
  const lineWith = (turns: number, unfinished: number, faults: number) => {
    const standing = {
      ...status.standing,
      trajectories: { turns, unfinished, faults },
    } as typeof status.standing;
    return statusText({ ...status, activity: [], standing }, nowMs).split("\n")[1];
  };
  expect(lineWith(2.25, 0.125, 3)).toMatch(/reward 0\.91 · 2\.3 turns · 13% unfinished · 3 faults · 3,662/);
  expect(lineWith(1, 0, 1)).toMatch(/reward 0\.91 · 1 fault · 3,662/);
  expect(lineWith(1, 0, 0)).toMatch(/reward 0\.91 · 3,662/);
});
