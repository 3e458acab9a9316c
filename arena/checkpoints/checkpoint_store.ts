import { copyFile, cp, link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { diskError, replaceDurably, sync, syncFolder } from "../../common/disk.ts";
import { VisplayError } from "../../common/errors.ts";
import type { Policy, PolicyInfo } from "../../policy/port.ts";
import type { PolicyVersions } from "../../replay/events.ts";
import type { Role } from "../../replay/self_play.ts";

import type { SavedRun } from "../arena.ts";
import type { RunConfig } from "../config/config.ts";
import type { Checkpoints } from "../ports.ts";
import { type RunState, STATE_VERSION, startsRound } from "../run_state.ts";
import { type FileRecord, hashFiles, type Manifest, manifestName, readManifest, verify } from "./manifest.ts";

/** What of a policy a checkpoint needs. */
export interface SavablePolicy extends Pick<Policy, "saveState" | "keepStates"> {
  info(): Promise<Pick<PolicyInfo, "parameters" | "version">>;
}

export interface CheckpointOptions {
  /** The run's folder. */
  readonly folder: string;
  readonly config: RunConfig;
  /** How often the run was started, this time included. */
  readonly attempt: number;
  /** Resolves once there is room for so many bytes. */
  readonly room: (bytes: number) => Promise<void>;
}

const stateName = "state.json";
const configName = "config.json";
const pointerName = "latest";

/**
 * The checkpoints of one run, each a folder under checkpoints/: both policies with their optimisers, the run's state
 * and configuration, and a manifest with the hashes of all that. A checkpoint is written beside the others, synchronised, renamed and
 * verified before the pointer names it, and only then older ones go. The last ones and the best are kept.
 */
export class CheckpointStore implements Checkpoints {
  readonly #root: string;
  readonly #options: CheckpointOptions;
  /** The last two checkpoints, so that a policy that did not change since is not written again. */
  #saved: Saved[] = [];
  #bytes = 0;

  constructor(options: CheckpointOptions) {
    this.#root = checkpointsFolder(options.folder);
    this.#options = options;
  }

  async save(
    state: RunState,
    policies: Readonly<Partial<Record<Role, SavablePolicy>>>,
  ): Promise<{ id: string; bytes: number }> {
    const { attempt, config, room } = this.#options;
    const played = Object.entries(policies) as [Role, SavablePolicy][];
    const infos = await Promise.all(
      played.map(async ([role, policy]) => ({ role, policy, ...(await policy.info()) })),
    );
    await room(this.#bytes || infos.reduce((sum, { parameters }) => sum + stateBytes * parameters, 0));
    const taken = await checkpointIds(this.#root);
    const id = idOf(taken, state);
    const folder = join(this.#root, id);
    const scratch = join(this.#root, `${scratchPrefix}${id}`);
    const versions = Object.fromEntries(infos.map(({ role, version }) => [role, version]));
    const { stage } = state.next;
    try {
      await mkdir(this.#root, { recursive: true });
      await removeScratch(this.#root);
      await mkdir(scratch);
      const put = infos.map((each) => this.#putPolicy(each, stage, scratch));
      await Promise.allSettled(put);
      const shared = (await Promise.all(put)).flat();
      await writeFile(join(scratch, stateName), JSON.stringify(state));
      await writeFile(join(scratch, configName), JSON.stringify(config));
      const files = await hashFiles(scratch, shared);
      for (const { path } of files) await sync(join(scratch, path));
      const { next, scores } = state;
      const score = scores?.mean8 ?? null;
      const writtenAt = new Date().toISOString();
      const manifest: Manifest = { version: 1, id, writtenAt, attempt, next, score, files };
      await writeManifest(scratch, manifest);
      await rename(scratch, folder);
      await syncFolder(this.#root);
      await verify(folder, await readManifest(folder));
      await pointTo(this.#root, id);
      this.#saved = [...this.#saved.slice(-1), { folder, stage, versions, files }];
      this.#bytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
      const kept = await this.#prune();
      for (const [role, policy] of played)
        await policy.keepStates?.(kept.map((each) => join(this.#root, each, role)));
      return { id, bytes: this.#bytes };
    } catch (cause) {
      await rm(scratch, { recursive: true, force: true }).catch(() => {});
      throw cause instanceof VisplayError ? cause : diskError(folder, cause);
    }
  }

  /**
   * A policy that is as it was in the checkpoint before the last shares its files, which nobody ever changes; never
   * with the last one, so that what damages a file leaves one of two checkpoints whole. Gives the files that it shares.
   */
  async #putPolicy(
    {
      role,
      policy,
      version,
    }: { readonly role: Role; readonly policy: SavablePolicy; readonly version: number },
    stage: number,
    scratch: string,
  ): Promise<readonly FileRecord[]> {
    const [before] = this.#saved.length > 1 ? this.#saved : [];
    if (before?.stage === stage && before.versions[role] === version) {
      const files = before.files.filter(({ path }) => path.split(sep)[0] === role);
      if (await share(before.folder, scratch, files)) return files;
      await rm(join(scratch, role), { recursive: true, force: true });
    }
    await policy.saveState(join(scratch, role));
    return [];
  }

  /** Removes all but the latest, and the best of those made where a round was over; gives those that are left. */
  async #prune(): Promise<string[]> {
    const ids = await checkpointIds(this.#root);
    const manifests = await Promise.all(
      ids.map((id) => readManifest(join(this.#root, id)).catch(() => undefined)),
    );
    const rounds = manifests.filter((manifest) => manifest !== undefined).filter(isRoundEnd);
    const best = rounds.reduce<Manifest | undefined>(
      (a, b) => ((b.score ?? Number.NEGATIVE_INFINITY) > (a?.score ?? Number.NEGATIVE_INFINITY) ? b : a),
      undefined,
    );
    const kept = new Set([...ids.slice(-this.#options.config.checkpoint.keep), best?.id]);
    for (const id of ids) if (!kept.has(id)) await rm(join(this.#root, id), { recursive: true, force: true });
    return ids.filter((id) => kept.has(id));
  }
}

/** A checkpoint that was saved, with the policies' versions. */
interface Saved {
  readonly folder: string;
  /** The stage whose policies they were. */
  readonly stage: number;
  readonly versions: PolicyVersions;
  readonly files: readonly FileRecord[];
}

/** Has files of a folder in another, too, linked or, where that is refused, copied; whether they are whole there. */
async function share(from: string, to: string, files: readonly FileRecord[]): Promise<boolean> {
  try {
    for (const { path } of files) {
      await mkdir(dirname(join(to, path)), { recursive: true });
      await link(join(from, path), join(to, path)).catch(() => copyFile(join(from, path), join(to, path)));
    }
    await verify(to, { files });
    return true;
  } catch {
    return false;
  }
}

/** Bytes of a parameter's weight and its two moments. */
const stateBytes = 12;
const scratchPrefix = ".saving-";

/** Where a run keeps its checkpoints. */
export function checkpointsFolder(run: string): string {
  return join(run, "checkpoints");
}

/** The names of the checkpoints in a folder, the oldest first; none where there is no folder yet. */
export async function checkpointIds(root: string): Promise<string[]> {
  const names = await readdir(root).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [];
    throw new VisplayError("run", `${root}: ${cause.message}; expected a folder of checkpoints`, { cause });
  });
  return names.filter((name) => /^\d{6,}-/.test(name)).sort((a, b) => numberOf(a) - numberOf(b));
}

function idOf(taken: readonly string[], { next: { round, leg, step } }: RunState): string {
  const number = numberOf(taken.at(-1) ?? "0") + 1;
  return `${String(number).padStart(6, "0")}-round-${round}-${leg}-${step}`;
}

function numberOf(id: string): number {
  return Number.parseInt(id, 10);
}

function isRoundEnd({ next }: Manifest): boolean {
  return next.round > 1 && startsRound(next);
}

async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await replaceDurably(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function pointTo(root: string, id: string): Promise<void> {
  await replaceDurably(join(root, pointerName), `${id}\n`);
}

async function removeScratch(root: string): Promise<void> {
  const names = await readdir(root);
  for (const name of names.filter((each) => each.startsWith(scratchPrefix)))
    await rm(join(root, name), { recursive: true, force: true });
}

/** A checkpoint, ready to go on from. */
export interface LoadedCheckpoint extends SavedRun {
  readonly manifest: Manifest;
  /** The settings that it was made with, as some release of this program knew them. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Loads a checkpoint. Throws "damaged" where it is, "disk" where it could not be read, "run" where a release with
 * another form of state saved it.
 */
export async function loadCheckpoint(run: string, id: string): Promise<LoadedCheckpoint> {
  const folder = join(checkpointsFolder(run), id);
  const manifest = await readManifest(folder);
  await verify(folder, manifest);
  const state: RunState = JSON.parse(await readFile(join(folder, stateName), "utf8"));
  if (state.version !== STATE_VERSION) throw stateError(folder, state);
  const config = JSON.parse(await readFile(join(folder, configName), "utf8"));
  const folders = { questioner: join(folder, "questioner"), reasoner: join(folder, "reasoner") };
  return { id, state, folders, manifest, config };
}

function stateError(folder: string, { version = 1 }: { version?: number }): VisplayError {
  const found = `${folder}: found a state of version ${version}, expected ${STATE_VERSION}`;
  const remedy = "go on with the release that saved it, or start a run from one of its models with --model";
  return new VisplayError("run", `${found}; ${remedy}`);
}

/**
 * The checkpoint that the pointer names or, where that is damaged, or knows of more events than are `recorded`, the
 * newest before it that is not; null where a run has none. Each that has to be passed over goes to `passOver`. Throws
 * "run" where none is left.
 */
export async function latestCheckpoint(
  run: string,
  passOver: (id: string, reason: string) => void,
  recorded: number = Number.POSITIVE_INFINITY,
): Promise<LoadedCheckpoint | null> {
  const root = checkpointsFolder(run);
  const ids = await checkpointIds(root);
  const named = (await readFile(join(root, pointerName), "utf8").catch(() => "")).trim();
  const end = ids.indexOf(named);
  const candidates = end < 0 ? ids : ids.slice(0, end + 1);
  for (const id of candidates.reverse()) {
    try {
      const loaded = await loadCheckpoint(run, id);
      if (loaded.state.replay <= recorded) return loaded;
      passOver(id, `the replay has lost events ${recorded + 1} to ${loaded.state.replay}`);
    } catch (error) {
      if (!(error instanceof VisplayError) || error.code !== "damaged") throw error;
      passOver(id, error.message);
    }
  }
  if (ids.length === 0) return null;
  const message = `${root}: none of ${ids.length} checkpoints can be used`;
  throw new VisplayError("run", `${message}; start a new run, from one that is whole with --fork-from`);
}

/**
 * Makes a checkpoint the one that a run goes on from; null is its beginning. Newer ones, whose records no longer count,
 * are set aside under another name, so that they are never gone on from, nor count among those to keep.
 */
export async function goBackTo(run: string, id: string | null, damaged: readonly string[]): Promise<void> {
  const root = checkpointsFolder(run);
  const ids = await checkpointIds(root);
  for (const newer of ids.slice(id === null ? 0 : ids.indexOf(id) + 1)) {
    const aside = join(root, `${damaged.includes(newer) ? "damaged" : "superseded"}-${newer}`);
    await rm(aside, { recursive: true, force: true });
    await rename(join(root, newer), aside);
  }
  if (id !== null) await pointTo(root, id);
}

/** Copies a checkpoint into a new run with a configuration of its own, as its first: there, no event is recorded yet. */
export async function copyCheckpoint(
  { id, state, folders }: SavedRun,
  run: string,
  config: RunConfig,
): Promise<SavedRun> {
  const source = dirname(folders.questioner);
  const folder = join(checkpointsFolder(run), id);
  await cp(source, folder, { recursive: true });
  await writeFile(join(folder, stateName), JSON.stringify({ ...state, replay: 0 }));
  await writeFile(join(folder, configName), JSON.stringify(config));
  await writeManifest(folder, { ...(await readManifest(source)), files: await hashFiles(folder) });
  await pointTo(checkpointsFolder(run), id);
  return loadCheckpoint(run, id);
}
