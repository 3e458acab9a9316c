import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { phases } from "../../replay/stages.ts";
import { BEAT_NAME, type Beat, readBeat } from "../../watch/beat.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "visplay-beat-"));
});
afterAll(() => rm(folder, { recursive: true }));

const beat: Omit<Beat, "standing"> = {
  version: 1,
  state: "running",
  failure: null,
  ...{ pid: 42, host: "here", attempt: 1, startedAtMs: 1, beatAtMs: 2, runningMs: 1 },
  waitsFor: null,
  activity: [],
  rewards: { questioner: null, reasoner: null },
  confidence: null,
  questions: null,
  lastSave: null,
  alarms: [],
};

test.each([...phases, "a phase of any name"])(
  "a run is read in the middle of its phase %s",
  async (phase) => {
    const place = { round: 1, rounds: 3, phase, step: 2, steps: 8 };
    const trajectories = phase === "environment" ? { turns: 2, unfinished: 0.5, faults: 1 } : null;
    const unknown = { remainingMs: null, tokensPerSecond: null, reward: null, confidence: null };
    const causes = phase === "reasoner" ? { grounding: 0.2, fusion: null } : null;
    const standing = { ...place, ...unknown, trajectories, causes };
    await writeFile(join(folder, BEAT_NAME), JSON.stringify({ ...beat, standing }));
    expect(await readBeat(folder)).toEqual({ ...beat, standing });
  },
);
