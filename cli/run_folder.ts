import { existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { SavedRun } from "../arena/arena.ts";
import {
  checkpointIds,
  checkpointsFolder,
  copyCheckpoint,
  goBackTo,
  type LoadedCheckpoint,
  latestCheckpoint,
  loadCheckpoint,
} from "../arena/checkpoints/checkpoint_store.ts";
import { type RunConfig, type RunSettings, RunSettingsSchema } from "../arena/config/config.ts";
import { allRounds, startFolder } from "../arena/config/stages.ts";
import { formatPosition, neededItems, stageAt } from "../arena/run_state.ts";
import { diskError, replaceDurably } from "../common/disk.ts";
import { VisplayError } from "../common/errors.ts";
import type { RunEvent } from "../replay/events.ts";
import type { Pins } from "../replay/pins.ts";
import { ReplayReader, readPins } from "../replay/reader.ts";
import { REPLAY_NAME } from "../replay/schema.ts";
import { ReplayStore } from "../replay/store.ts";
import { plural } from "./format.ts";
import type { RunSession } from "./play_run.ts";
import type { Opening } from "./run_images.ts";
import { RunLock } from "./run_lock.ts";
import { configName, type RunRecord, requireRun } from "./run_record.ts";
import { toYaml } from "./schema.ts";

/** A run's folder while this process works on it. */
export class RunFolder implements AsyncDisposable {
  readonly path: string;
  readonly #lock: RunLock;
  #store: ReplayStore | undefined;
  /** Checkpoints that were passed over. */
  readonly #damaged: string[] = [];

  private constructor(path: string, lock: RunLock) {
    this.path = path;
    this.#lock = lock;
  }

  /** Makes the folder of a new run. Throws "run" where it holds one already, "disk" where it cannot be written. */
  static async create(path: string, say: (line: string) => void): Promise<RunFolder> {
    await mkdir(path, { recursive: true }).catch((cause) => {
      throw diskError(path, cause);
    });
    const folder = new RunFolder(path, await RunLock.take(path, say));
    if (!existsSync(join(path, configName)) && !existsSync(join(path, REPLAY_NAME))) return folder;
    await folder[Symbol.asyncDispose]();
    throw new VisplayError("run", `${path} already holds a run; choose another folder with --out`);
  }

  /** Takes the folder of a run that exists. Throws "notARun" where it is none, "run" where somebody else works on it. */
  static async reopen(path: string, say: (line: string) => void): Promise<RunFolder> {
    await requireRun(path);
    return new RunFolder(path, await RunLock.take(path, say));
  }

  /** A session from the run's beginning or, where it is a fork, from another run's checkpoint. */
  async begin(
    config: RunConfig,
    fork: Fork | null,
    { say, signal }: Pick<Opening, "say" | "signal">,
  ): Promise<RunSession> {
    try {
      this.#store = await ReplayStore.create(this.path, { say, stop: signal });
      const saved = fork && (await this.#takeOver(this.#store, fork, config, say));
      await this.#saveConfig(config);
      return this.#session({ saved, attempt: 1, milestones: () => [] });
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Another run's checkpoint as this one's first, with what had entered the other's curricula. */
  async #takeOver(
    store: ReplayStore,
    { run, saved }: Fork,
    config: RunConfig,
    say: (line: string) => void,
  ): Promise<SavedRun> {
    const { next, replay } = saved.state;
    const hasReplay = existsSync(join(run, REPLAY_NAME));
    const damaged = hasReplay ? await store.adoptCurricula(run, next.round, replay) : 0;
    if (damaged > 0) {
      const found = `${plural(damaged, "damaged item")} of earlier rounds' curricula in the replay of ${run}`;
      say(`left out: ${found}; later questions are not held against them`);
    }
    await requireItems(store, saved);
    const start = startFolder(stageAt(config, next));
    if (start !== null) await cp(join(run, start), join(this.path, start), { recursive: true });
    return copyCheckpoint(saved, this.path, config);
  }

  /**
   * The last good checkpoint of those that the replay has come to, null where there is none yet. Throws "run" where none
   * of them can be gone on from.
   */
  lastCheckpoint({ position }: RunRecord, say: (line: string) => void): Promise<LoadedCheckpoint | null> {
    const passOver = (id: string, reason: string) => {
      say(`checkpoint ${id} cannot be used, going back one: ${reason}`);
      this.#damaged.push(id);
    };
    return latestCheckpoint(this.path, passOver, position);
  }

  /** A session from a checkpoint or, without one, the beginning; what was recorded after it no longer counts. */
  async goOn(
    config: RunConfig,
    saved: SavedRun | null,
    { say, signal }: Pick<Opening, "say" | "signal">,
  ): Promise<RunSession> {
    await goBackTo(this.path, saved?.id ?? null, this.#damaged);
    // A run that was killed right after its beginning may have its settings and nothing else.
    const recorded = existsSync(join(this.path, REPLAY_NAME));
    const waiting = { say, stop: signal };
    this.#store = await (recorded
      ? ReplayStore.open(this.path, waiting)
      : ReplayStore.create(this.path, waiting));
    await this.#store.resume(saved?.state.replay ?? 0);
    if (saved) await requireItems(this.#store, saved);
    const { attempt } = this.#store;
    await this.#saveConfig(config);
    say(
      saved
        ? `going on at ${formatPosition(saved.state.next)}`
        : "there is no checkpoint yet; from the beginning",
    );
    return this.#session({ saved, attempt, milestones: (steps) => milestonesOf(this.path, steps) });
  }

  #session(known: Pick<RunSession, "saved" | "attempt" | "milestones">): RunSession {
    const store = this.#store;
    if (!store) throw new Error(`${this.path}: its replay is not open`);
    const dispose = () => this[Symbol.asyncDispose]();
    const pin = (pins: Pins) => store.pin(pins);
    const pinInputs = (inputs: Pins["inputs"]) => store.pinInputs(inputs);
    return { folder: this.path, log: store, pin, pinInputs, ...known, [Symbol.asyncDispose]: dispose };
  }

  async #saveConfig(config: RunConfig): Promise<void> {
    await replaceDurably(join(this.path, configName), toYaml(RunSettingsSchema, config));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.[Symbol.asyncDispose]();
    this.#store = undefined;
    await this.#lock[Symbol.asyncDispose]();
  }
}

/** What a run is made of; null where it was killed before that was recorded, or an earlier release began it. */
export function pinsOf(run: string): Pins | null {
  return existsSync(join(run, REPLAY_NAME)) ? readPins(run) : null;
}

/** Throws "damaged" where a replay lacks items of the curriculum that a state goes on with. */
async function requireItems(store: ReplayStore, { id, state }: SavedRun): Promise<void> {
  const needed = neededItems(state);
  if (needed === 0) return;
  const found = await store.curriculumSize(state.next.round);
  if (found === needed) return;
  const message = `found ${found} items of the curriculum of round ${state.next.round}, expected ${needed}`;
  throw new VisplayError("damaged", `${store.folder}, checkpoint ${id}: ${message}`);
}

function* milestonesOf(run: string, steps: number): Generator<RunEvent> {
  using reader = ReplayReader.open(run);
  for (const { event } of reader.milestones({ steps })) yield event;
}

/** Whether a run that goes on from a state has rounds to play. */
export function hasWork(saved: SavedRun | null, settings: RunSettings): boolean {
  return saved === null || saved.state.next.round <= allRounds(settings);
}

/** What to say where it has none. */
export function noRoundsError(run: string, settings: RunSettings, also = ""): VisplayError {
  const rounds = allRounds(settings);
  const isOfRounds = settings.stages.at(-1)?.kind === "self_play";
  const more = isOfRounds ? `--set rounds=${settings.rounds + 1}` : "--config with another of stages";
  const remedy = ["for more of them:", more, also].join(" ").trim();
  return new VisplayError("run", `${run} has finished its ${plural(rounds, "round")}; ${remedy}`);
}

/** What a run is forked from. */
export interface Fork {
  readonly run: string;
  readonly saved: LoadedCheckpoint;
}

/** The checkpoint to fork from: "RUN" for its latest, "RUN/checkpoints/ID" for one of them. */
export async function checkpointToFork(place: string, say: (line: string) => void): Promise<Fork> {
  const [, run = place, id] = /^(.*?)[/\\]checkpoints[/\\]([^/\\]+)[/\\]?$/.exec(place) ?? [];
  await requireRun(run);
  const passOver = (bad: string, reason: string) => say(`checkpoint ${bad} cannot be used: ${reason}`);
  if (id) return { run, saved: await loadNamed(run, id) };
  const saved = await latestCheckpoint(run, passOver);
  if (!saved) throw new VisplayError("run", `${run} has no checkpoint yet; expected one to fork from`);
  return { run, saved };
}

async function loadNamed(run: string, id: string): Promise<LoadedCheckpoint> {
  const ids = await checkpointIds(checkpointsFolder(run));
  if (ids.includes(id)) return loadCheckpoint(run, id);
  const expected = ids.length > 0 ? `expected one of ${ids.join(", ")}` : "it has none yet";
  throw new VisplayError("run", `${run}: found no checkpoint ${id}, ${expected}`);
}
