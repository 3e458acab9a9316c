import { getHFHubCachePath, HubApiError } from "@huggingface/hub";
import { VisplayError } from "../common/errors.ts";
import { freeBytes } from "../common/free_bytes.ts";
import { CachedRepository, isFile, isNeeded, missingFiles, missingNames } from "./cache.ts";
import { BrokenDownload, type HubFile, HubRepository } from "./download.ts";
import type { HubName } from "./name.ts";

/** How far the download of one file is, in bytes. */
export interface DownloadProgress {
  readonly path: string;
  readonly bytes: number;
  readonly size: number;
}

/** A model folder in the cache, and the commit that it is. */
export interface HubModel {
  readonly folder: string;
  readonly commit: string;
}

/** Left free on the disk beside a download. */
const reserveBytes = 64 * 2 ** 20;

/**
 * The folder of a model in the cache that Python shares (HF_HUB_CACHE, HF_HOME), downloaded from the hub (HF_ENDPOINT,
 * HF_TOKEN) where the cache lacks it; what the cache has is used without the network. Throws a `VisplayError` of
 * code "model" where there is no such model or it cannot be had (HF_HUB_OFFLINE, no network, no access), "disk"
 * where the cache cannot be written, and the signal's reason where that aborts.
 */
export async function openHubModel(
  { repo, revision }: HubName,
  onProgress: (progress: DownloadProgress) => void,
  signal: AbortSignal,
): Promise<HubModel> {
  const { HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN } = process.env;
  const { cache, known, missing } = await cached({ repo, revision });
  if (known && missing.length === 0) return { folder: cache.snapshot(known), commit: known };

  const endpoint = (HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, "");
  const place = known ? cache.snapshot(known) : cache.folder;
  const lack = { repo, revision, endpoint, place, missing };
  if (/^(1|on|yes|true)$/i.test(HF_HUB_OFFLINE ?? ""))
    throw networkError(lack, `HF_HUB_OFFLINE=${HF_HUB_OFFLINE} forbids the network`);
  try {
    const hub = new HubRepository(repo, endpoint, HF_TOKEN, signal);
    const commit = await hub.commitOf(revision);
    await downloadSnapshot(hub, cache, commit, onProgress);
    await cache.setCommit(revision, commit);
    return { folder: cache.snapshot(commit), commit };
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error, lack);
  }
}

/** The folder of a model in the cache; null where that lacks any of it. */
export async function cachedModel(name: HubName): Promise<string | null> {
  const { cache, known, missing } = await cached(name);
  return known && missing.length === 0 ? cache.snapshot(known) : null;
}

/** What the cache has of a model, and what it lacks. */
async function cached({ repo, revision }: HubName) {
  const cache = new CachedRepository(getHFHubCachePath(), repo);
  const known = await cache.commitOf(revision);
  const missing = known ? await missingFiles(cache.snapshot(known)) : missingNames([]);
  return { cache, known, missing };
}

async function downloadSnapshot(
  hub: HubRepository,
  cache: CachedRepository,
  commit: string,
  onProgress: (progress: DownloadProgress) => void,
): Promise<void> {
  const files = await hub.files(commit);
  const names = files.map(({ path }) => path);
  requireWhole(missingNames(names));
  const wanted = files.filter(({ path }) => isNeeded(path, names)).sort((a, b) => a.size - b.size);
  const present = await Promise.all(wanted.map(({ hash }) => isFile(cache.blob(hash))));
  await requireRoom(
    cache.folder,
    wanted.filter((_, i) => !present[i]),
  );
  for (const [i, file] of wanted.entries()) {
    const { path, size, hash } = file;
    const onBytes = (bytes: number): void => onProgress({ path, bytes, size });
    if (!present[i]) await hub.download(file, commit, cache.blob(hash), onBytes);
    await cache.place(hash, commit, path);
  }
  requireWhole(await missingFiles(cache.snapshot(commit)));
}

function requireWhole(missing: readonly string[]): void {
  if (missing.length > 0) throw new BrokenDownload(`the repository has no ${missing.join(", no ")}`);
}

async function requireRoom(folder: string, files: readonly HubFile[]): Promise<void> {
  const bytes = files.reduce((sum, { size }) => sum + size, reserveBytes);
  const free = await freeBytes(folder);
  if (bytes > free) {
    const megabytes = (n: number): string => `${Math.ceil(n / 1e6)} MB`;
    throw diskError(folder, `the download needs ${megabytes(bytes)}, ${megabytes(free)} are free`);
  }
}

/** What was wanted, and what was there. */
interface Lack {
  readonly repo: string;
  readonly revision: string;
  readonly endpoint: string;
  /** Where the cache was looked into. */
  readonly place: string;
  readonly missing: readonly string[];
}

/** What a failed download means to a user. */
function explain(error: unknown, lack: Lack): unknown {
  const { repo, revision, endpoint } = lack;
  const failure = (problem: string): VisplayError =>
    new VisplayError("model", `model ${repo} from ${endpoint}: ${problem}`, { cause: error });
  if (error instanceof VisplayError) return error;
  if (error instanceof BrokenDownload) return failure(error.message);
  if (error instanceof HubApiError) return failure(refusal(error.statusCode, lack));
  const { code, syscall, path, cause, message } = error as NodeJS.ErrnoException;
  if (syscall && path) return diskError(path, message, error);
  if (message === "terminated")
    return failure("the connection broke off; what came whole is kept, try again");
  if (code === undefined && cause instanceof Error)
    return networkError(lack, `${endpoint} cannot be reached (${cause.message || message})`, error);
  return failure(`revision ${revision} cannot be downloaded: ${message ?? error}`);
}

function refusal(status: number, { repo, revision, endpoint }: Lack): string {
  if (status === 401 || status === 403) {
    return (
      `access refused (${status}): it does not exist, is private, or asks to accept terms at ${endpoint}/${repo}; ` +
      "check the name, and set HF_TOKEN to a token that may read it. There is no folder of that name either"
    );
  }
  if (status === 404)
    return `not found (404): no such repository, or it has no revision ${revision}. There is no folder of that name either`;
  return `the server answered with status ${status}; try again later`;
}

function networkError({ repo, place, missing }: Lack, reason: string, cause?: unknown): VisplayError {
  const lines = [
    `model ${repo}: ${reason}, and there is no folder of that name`,
    `missing: ${missing.join(", ")}`,
    `looked in: ${place}`,
    `to go on: on a machine with a network, run \`hf download ${repo} --local-dir FOLDER\`, ` +
      "copy the folder here and say --model FOLDER",
  ];
  return new VisplayError("model", lines.join("\n  "), { cause });
}

function diskError(path: string, problem: string, cause?: unknown): VisplayError {
  const remedy = "make room, or choose another cache with HF_HOME";
  return new VisplayError("disk", `could not write ${path}: ${problem}; ${remedy}`, { cause });
}
