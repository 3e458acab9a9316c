import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";
import { getHFHubCachePath } from "@huggingface/hub";
import { CachedRepository, isFile } from "./cache.ts";
import { BrokenDownload, HubRepository } from "./download.ts";
import { explain, networkError } from "./failures.ts";
import { type DownloadProgress, fetchFiles, hubSettings } from "./fetch_files.ts";
import { describingFiles, type ModelFiles, trainableFiles } from "./model_files.ts";
import type { HubName } from "./name.ts";

/** A model folder in the cache, and the commit that it is. */
export interface HubModel {
  readonly folder: string;
  readonly commit: string;
}

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
  files: ModelFiles = trainableFiles,
): Promise<HubModel> {
  const { endpoint, offline, token } = hubSettings();
  const { cache, known, missing } = await cached({ repo, revision }, files);
  if (known && missing.length === 0) return { folder: cache.snapshot(known), commit: known };

  const place = known ? cache.snapshot(known) : cache.folder;
  const lack = { kind: "model", repo, revision, endpoint, place, missing } as const;
  if (offline !== null) throw networkError(lack, offline);
  try {
    const hub = new HubRepository({ kind: "model", repo }, endpoint, token, signal);
    const commit = await hub.commitOf(revision);
    await downloadSnapshot(hub, cache, commit, files, onProgress);
    await cache.setCommit(revision, commit);
    return { folder: cache.snapshot(commit), commit };
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error, lack);
  }
}

/** The folder of a model in the cache; null where that lacks any of what describes it. */
export async function cachedModel(name: HubName): Promise<string | null> {
  const { cache, known, missing } = await cached(name, describingFiles);
  return known && missing.length === 0 ? cache.snapshot(known) : null;
}

/** What of a model's repository describes it, without its weights; as `openHubModel`. */
export function openHubDescription(
  name: HubName,
  onProgress: (progress: DownloadProgress) => void,
  signal: AbortSignal,
): Promise<HubModel> {
  return openHubModel(name, onProgress, signal, describingFiles);
}

/** What the cache has of a model, and what it lacks. */
async function cached({ repo, revision }: HubName, files: ModelFiles) {
  const cache = new CachedRepository(getHFHubCachePath(), { kind: "model", repo });
  const known = await cache.commitOf(revision);
  const missing = known ? await missingIn(cache.snapshot(known), files) : await files.missing([], null);
  return { cache, known, missing };
}

async function downloadSnapshot(
  hub: HubRepository,
  cache: CachedRepository,
  commit: string,
  files: ModelFiles,
  onProgress: (progress: DownloadProgress) => void,
): Promise<void> {
  const listed = await hub.files(commit, files.isDeep);
  const names = listed.map(({ path }) => path);
  requireWhole(await files.missing(names, null));
  const wanted = listed.filter(({ path }) => files.isNeeded(path, names)).sort((a, b) => a.size - b.size);
  await fetchFiles(hub, cache, { commit, files: wanted }, onProgress);
  requireWhole(await missingIn(cache.snapshot(commit), files));
}

/** What a folder lacks to be a whole model. A link to nothing is no file. */
async function missingIn(folder: string, files: ModelFiles): Promise<readonly string[]> {
  const listed = await readdir(folder, { recursive: true }).catch(() => []);
  const whole = await Promise.all(listed.map((name) => isFile(join(folder, name))));
  const names = listed.filter((_, i) => whole[i]).map((name) => name.replaceAll(sep, "/"));
  return files.missing(names, folder);
}

function requireWhole(missing: readonly string[]): void {
  if (missing.length > 0) throw new BrokenDownload(`the repository has no ${missing.join(", no ")}`);
}
