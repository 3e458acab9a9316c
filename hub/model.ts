import { getHFHubCachePath } from "@huggingface/hub";
import { CachedRepository, isNeeded, missingFiles, missingNames } from "./cache.ts";
import { BrokenDownload, HubRepository } from "./download.ts";
import { explain, networkError } from "./failures.ts";
import { type DownloadProgress, fetchFiles, hubSettings } from "./fetch_files.ts";
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
): Promise<HubModel> {
  const { endpoint, offline, token } = hubSettings();
  const { cache, known, missing } = await cached({ repo, revision });
  if (known && missing.length === 0) return { folder: cache.snapshot(known), commit: known };

  const place = known ? cache.snapshot(known) : cache.folder;
  const lack = { kind: "model", repo, revision, endpoint, place, missing } as const;
  if (offline !== null) throw networkError(lack, offline);
  try {
    const hub = new HubRepository({ kind: "model", repo }, endpoint, token, signal);
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
  const cache = new CachedRepository(getHFHubCachePath(), { kind: "model", repo });
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
  await fetchFiles(hub, cache, { commit, files: wanted }, onProgress);
  requireWhole(await missingFiles(cache.snapshot(commit)));
}

function requireWhole(missing: readonly string[]): void {
  if (missing.length > 0) throw new BrokenDownload(`the repository has no ${missing.join(", no ")}`);
}
