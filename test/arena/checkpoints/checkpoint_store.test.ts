import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { noAlarms } from "../../../arena/alarms.ts";
import {
  CheckpointStore,
  checkpointIds,
  copyCheckpoint,
  goBackTo,
  latestCheckpoint,
  loadCheckpoint,
} from "../../../arena/checkpoints/checkpoint_store.ts";
import { waitForRoom } from "../../../arena/checkpoints/free_space.ts";
import { emptyCurriculum } from "../../../arena/curriculum.ts";
import { noGateSums } from "../../../arena/gate_audit.ts";
import type { Ports } from "../../../arena/ports.ts";
import type { Position, RunState } from "../../../arena/run_state.ts";
import { VisplayError } from "../../../common/errors.ts";
import { smallConfig } from "../../fakes/world.ts";

/** What exFAT and some network shares say. */
let refusesLinks = false;
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const refusal = Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
  const link = (...names: Parameters<typeof real.link>) =>
    refusesLinks ? Promise.reject(refusal) : real.link(...names);
  return { ...real, link };
});

let run: string;
let said: string[];
const say = (line: string) => said.push(line);
const passOver = (id: string, reason: string) => {
  said.push(`${id}: ${reason}`);
};
const root = () => join(run, "checkpoints");
beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), "visplay-checkpoints-"));
  said = [];
  refusesLinks = false;
});
afterEach(() => rm(run, { recursive: true }));

/** A policy whose state is its version, written down. */
class NotedPolicy {
  version = 0;
  writes = 0;
  fails = false;

  async info() {
    return { parameters: 1000, modelType: "noted", version: this.version };
  }

  async saveState(folder: string): Promise<void> {
    this.writes++;
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "weights"), `version ${this.version}`.repeat(1000));
    if (this.fails) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  }
}

const pair = () => ({ questioner: new NotedPolicy(), reasoner: new NotedPolicy() });
const ports = (policies: ReturnType<typeof pair>) => policies as unknown as Ports["policies"];
const stateAt = (next: Position, score: number | null = null): RunState => {
  const nothing = {
    ...{ warmUpSteps: 0, emptyRounds: 0, alarms: noAlarms },
    ...{
      curriculum: emptyCurriculum,
      sample: [],
      gate: noGateSums,
      safety: null,
      suiteBefore: null,
      widening: null,
    },
  };
  const scores = score === null ? null : ({ mean8: score } as NonNullable<RunState["scores"]>);
  return { version: 3, next, replay: 17, ...nothing, scores, updatesBefore: {}, playedMs: 5, phaseMs: 1 };
};
const open = (attempt = 1, keep = 2) =>
  new CheckpointStore({
    folder: run,
    config: smallConfig((change) => (change.checkpoint.keep = keep)),
    attempt,
    room: async () => {},
  });
const inReasoner = (step: number) => stateAt({ stage: 0, round: 1, leg: "reasoner", step });
const roundOver = (round: number, score: number) =>
  stateAt({ stage: 0, round: round + 1, leg: "questioner", step: 0 }, score);

describe("a checkpoint", () => {
  test("gives back what was saved", async () => {
    const policies = pair();
    policies.reasoner.version = 7;
    const state = inReasoner(3);
    const { id, bytes } = await open().save(state, ports(policies));
    expect(id).toBe("000001-round-1-reasoner-3");
    const loaded = await latestCheckpoint(run, passOver);
    expect(loaded).toMatchObject({ id, state, config: smallConfig() });
    expect(await readFile(join(loaded?.folders.reasoner ?? "", "weights"), "utf8")).toMatch(/^version 7v/);
    expect(loaded?.manifest.files.reduce((sum, file) => sum + file.bytes, 0)).toBe(bytes);
    expect(said).toEqual([]);
  });

  /** Four checkpoints of a Reasoner phase, all of them kept; gives the Questioner's file in each. */
  async function reasonerPhase(policies: ReturnType<typeof pair>): Promise<string[]> {
    const store = open(1, 9);
    for (let step = 0; step < 4; step++) {
      policies.reasoner.version++;
      await store.save(inReasoner(step), ports(policies));
    }
    return (await checkpointIds(root())).map((id) => join(root(), id, "questioner", "weights"));
  }

  test("shares a policy that did not change, but never with the one before it", async () => {
    const policies = pair();
    const files = await reasonerPhase(policies);
    expect([policies.questioner.writes, policies.reasoner.writes]).toEqual([2, 4]);
    const inodes = await Promise.all(files.map(async (file) => (await stat(file)).ino));
    expect(inodes.map((inode) => inodes.indexOf(inode))).toEqual([0, 1, 0, 1]);
    await writeFile(files[3] as string, "x");
    expect((await latestCheckpoint(run, passOver))?.id).toMatch(/^000003/);
  });

  test("does not take over a file that was damaged since", async () => {
    const policies = pair();
    const store = open(2, 9);
    for (const step of [0, 1]) await store.save(inReasoner(step), ports(policies));
    await writeFile(join(root(), "000001-round-1-reasoner-0", "questioner", "weights"), "x");
    const { id } = await store.save(inReasoner(2), ports(policies));
    expect(await readFile(join(root(), id, "questioner", "weights"), "utf8")).toMatch(/^version 0v/);
    expect(await loadCheckpoint(run, id)).toMatchObject({ id });
  });

  test("copies where the file system knows no links", async () => {
    refusesLinks = true;
    const policies = pair();
    const files = await reasonerPhase(policies);
    expect(policies.questioner.writes).toBe(2);
    expect(new Set(await Promise.all(files.map(async (file) => (await stat(file)).ino))).size).toBe(4);
    for (const id of await checkpointIds(root())) expect(await loadCheckpoint(run, id)).toMatchObject({ id });
  });

  test("copied into a new run has nothing recorded, and the new run's settings", async () => {
    const { id } = await open().save(inReasoner(3), ports(pair()));
    const fork = join(run, "fork");
    const config = smallConfig((change) => (change.seed = 5));
    await copyCheckpoint(await loadCheckpoint(run, id), fork, config);
    const copied = await latestCheckpoint(fork, passOver);
    expect(copied).toMatchObject({ id, config, state: { ...inReasoner(3), replay: 0 } });
    expect(await loadCheckpoint(run, id)).toMatchObject({ config: smallConfig(), state: inReasoner(3) });
  });

  test("that fails half way leaves those before it, and nothing else", async () => {
    const policies = pair();
    const store = open();
    await store.save(inReasoner(0), ports(policies));
    policies.reasoner.version++;
    policies.reasoner.fails = true;
    await expect(store.save(inReasoner(1), ports(policies))).rejects.toMatchObject({ code: "disk" });
    expect((await readdir(root())).sort()).toEqual(["000001-round-1-reasoner-0", "latest"]);
    policies.reasoner.fails = false;
    await store.save(inReasoner(1), ports(policies));
    expect(await latestCheckpoint(run, passOver)).toMatchObject({ id: "000002-round-1-reasoner-1" });
  });
});

describe("retention", () => {
  test("keeps the last ones and the best round, also after a resume", async () => {
    const policies = pair();
    const first = open(1);
    const scores = [61, 74, 70];
    for (const [i, score] of scores.entries()) {
      await first.save(stateAt({ stage: 0, round: i + 1, leg: "reasoner", step: 5 }, score), ports(policies));
      await first.save(roundOver(i + 1, score), ports(policies));
    }
    const second = open(2);
    await second.save(stateAt({ stage: 0, round: 4, leg: "curriculum", step: 2 }, 70), ports(policies));
    const kept = await checkpointIds(root());
    expect(kept).toEqual([
      "000004-round-3-questioner-0",
      "000006-round-4-questioner-0",
      "000007-round-4-curriculum-2",
    ]);
  });

  test("never lets a round's start pass for a better one by an older score", async () => {
    const policies = pair();
    const store = open(1, 1);
    await store.save(stateAt({ stage: 0, round: 1, leg: "questioner", step: 0 }, 99), ports(policies));
    await store.save(roundOver(1, 50), ports(policies));
    await store.save(inReasoner(9), ports(policies));
    expect(await checkpointIds(root())).toEqual(["000002-round-2-questioner-0", "000003-round-1-reasoner-9"]);
  });
});

describe("damage", () => {
  const damages: [string, (folder: string) => Promise<void>][] = [
    ["a flipped byte", (folder) => writeFile(join(folder, "reasoner/weights"), "version 8".repeat(1000))],
    ["a longer file", (folder) => appendFile(join(folder, "state.json"), " ")],
    ["a missing file", (folder) => rm(join(folder, "questioner"), { recursive: true })],
    ["a broken manifest", (folder) => writeFile(join(folder, "manifest.json"), "{")],
    ["a manifest of something else", (folder) => writeFile(join(folder, "manifest.json"), '{"version": 2}')],
  ];

  test.each(damages)("%s: the one before is taken, and that is said", async (_, damage) => {
    const policies = pair();
    const store = open();
    await store.save(inReasoner(0), ports(policies));
    policies.questioner.version++;
    policies.reasoner.version++;
    const { id } = await store.save(inReasoner(1), ports(policies));
    await damage(join(root(), id));
    expect(await latestCheckpoint(run, passOver)).toMatchObject({ id: "000001-round-1-reasoner-0" });
    expect(said).toEqual([expect.stringMatching(`^${id}: .*${id}`)]);
  });

  test("does not count among those to keep once it is set aside", async () => {
    const policies = pair();
    for (let step = 0; step < 2; step++) await open().save(inReasoner(step), ports(policies));
    await goBackTo(run, "000001-round-1-reasoner-0", ["000002-round-1-reasoner-1"]);
    expect((await readdir(root())).sort()).toContain("damaged-000002-round-1-reasoner-1");
    await open().save(inReasoner(2), ports(policies));
    expect(await checkpointIds(root())).toEqual(["000001-round-1-reasoner-0", "000002-round-1-reasoner-2"]);
  });

  test("of all of them is an error", async () => {
    const { id } = await open().save(inReasoner(0), ports(pair()));
    await rm(join(root(), id, "state.json"));
    await expect(latestCheckpoint(run, passOver)).rejects.toMatchObject({ code: "run" });
  });

  test("a checkpoint that the pointer does not name yet is not taken", async () => {
    const policies = pair();
    const store = open();
    await store.save(inReasoner(0), ports(policies));
    await store.save(inReasoner(1), ports(policies));
    await writeFile(join(root(), "latest"), "000001-round-1-reasoner-0\n");
    expect(await latestCheckpoint(run, passOver)).toMatchObject({ id: "000001-round-1-reasoner-0" });
  });

  test("a checkpoint that the pointer never named is never gone on from, whatever is damaged later", async () => {
    const policies = pair();
    const store = open(1, 9);
    for (const step of [0, 1]) await store.save(inReasoner(step), ports(policies));
    // Killed before the pointer moved; the resume goes on from the first one, past the place of the second.
    await writeFile(join(root(), "latest"), "000001-round-1-reasoner-0\n");
    await goBackTo(run, "000001-round-1-reasoner-0", []);
    const again = open(2, 9);
    for (const step of [1, 2]) await again.save(inReasoner(step), ports(policies));
    await rm(join(root(), "000003-round-1-reasoner-2", "state.json"));
    const { id, manifest } = (await latestCheckpoint(run, passOver)) ?? {};
    expect({ id, attempt: manifest?.attempt }).toEqual({ id: "000002-round-1-reasoner-1", attempt: 2 });
    expect((await readdir(root())).sort()).toContain("superseded-000002-round-1-reasoner-1");
  });

  test("one that knows of events that the replay has lost is not taken", async () => {
    const policies = pair();
    const store = open();
    await store.save({ ...inReasoner(0), replay: 10 }, ports(policies));
    await store.save({ ...inReasoner(1), replay: 20 }, ports(policies));
    expect(await latestCheckpoint(run, passOver, 19)).toMatchObject({ id: "000001-round-1-reasoner-0" });
    expect(said).toEqual([expect.stringMatching(/reasoner-1: the replay has lost events 20 to 20$/)]);
    await expect(latestCheckpoint(run, passOver, 9)).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining("--fork-from"),
    });
  });

  test("a read that fails and may succeed another time is no damage", async () => {
    const policies = pair();
    for (const step of [0, 1]) await open().save(inReasoner(step), ports(policies));
    const path = join(root(), "000002-round-1-reasoner-1", "state.json");
    // A loop of links: neither missing nor other bytes, but not to be read now.
    const content = await readFile(path);
    await rm(path);
    await symlink(path, path);
    await expect(latestCheckpoint(run, passOver)).rejects.toMatchObject({
      code: "disk",
      message: expect.stringMatching(/could not read .*state\.json: ELOOP.*try again/),
    });
    expect(said).toEqual([]);
    await rm(path);
    await writeFile(path, content);
    expect(await latestCheckpoint(run, passOver)).toMatchObject({ id: "000002-round-1-reasoner-1" });
  });

  test("a run without any has none, but not one whose checkpoints cannot be listed", async () => {
    expect(await latestCheckpoint(run, passOver)).toBeNull();
    await writeFile(root(), "no folder");
    await expect(latestCheckpoint(run, passOver)).rejects.toMatchObject({ code: "run" });
  });
});

describe("a full disk", () => {
  test("is waited for, and said once", async () => {
    const free = [10, 20, 2 ** 40];
    const waited: (string | null)[] = [];
    await waitForRoom(run, 5e6, {
      ...{ say, waits: (reason) => waited.push(reason), stop: new AbortController().signal },
      free: async () => free.shift() as number,
    });
    expect(said).toEqual([expect.stringMatching(/69 MB more are needed.*waits until there is room/)]);
    const waiting = "waiting for 69 MB of room on the disk";
    expect(waited).toEqual([waiting, waiting, null]);
  });

  test("keeps no run that is to stop, and what is not saved is said", async () => {
    const stop = AbortSignal.abort(new VisplayError("cancelled", "interrupted"));
    const waiting = waitForRoom(run, 5e6, { say, waits: () => {}, stop, free: async () => 0 });
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
    expect(said).toEqual([expect.stringContaining("what was done since the last one is not saved")]);
  });
});
