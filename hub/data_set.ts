import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";
import { getHFHubCachePath } from "@huggingface/hub";
import { VisplayError } from "../common/errors.ts";
import { CachedRepository } from "./cache.ts";
import { HubRepository } from "./download.ts";
import { explain, networkError } from "./failures.ts";
import { type DownloadProgress, fetchFiles, hubSettings } from "./fetch_files.ts";
import type { HubDataName } from "./name.ts";

/** A Parquet file of a data set, by its path in the repository and in the cache. */
export interface HubDataFile {
  readonly name: string;
  readonly path: string;
}

/** The branch to which the hub converts what is no Parquet. */
const converted = "refs/convert/parquet";

/**
 * The Parquet files of a part of a data set in the cache that Python shares, in their order, downloaded where it lacks
 * them; without the network, those that it has. Throws a `VisplayError` of code "data" where there is no such data set or
 * part, or it cannot be had, and as `openHubModel` does.
 */
export async function openHubData(
  name: HubDataName,
  onProgress: (progress: DownloadProgress) => void,
  signal: AbortSignal,
): Promise<HubDataFile[]> {
  const { repo, revision } = name;
  const about = { kind: "dataset", repo } as const;
  const { endpoint, offline, token } = hubSettings();
  const cache = new CachedRepository(getHFHubCachePath(), about);
  const lack = { ...about, revision, endpoint, place: cache.folder, missing: ["its Parquet files"] };
  if (offline !== null) {
    const found = await cachedFiles(cache, name);
    if (found.length === 0) throw networkError(lack, offline);
    return found;
  }
  try {
    const hub = new HubRepository(about, endpoint, token, signal);
    for (const from of revision === "main" ? [revision, converted] : [revision]) {
      const commit = (await cache.commitOf(from)) ?? (await hub.commitOf(from));
      const files = (await hub.files(commit, true)).filter(({ path }) => isParquet(path));
      if (files.length === 0) continue;
      const chosen = new Set(
        choose(
          name,
          files.map(({ path }) => path),
        ),
      );
      const wanted = files.filter(({ path }) => chosen.has(path));
      await fetchFiles(hub, cache, { commit, files: wanted }, onProgress);
      await cache.setCommit(from, commit);
      return placed(cache, commit, [...chosen]);
    }
    throw new VisplayError("data", `data set ${repo}: found no Parquet file in revision ${revision}`);
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error, lack);
  }
}

/** What the cache has of a data set; none where it has nothing. Throws "data" where shards are missing. */
async function cachedFiles(cache: CachedRepository, name: HubDataName): Promise<HubDataFile[]> {
  for (const from of [name.revision, converted]) {
    const commit = await cache.commitOf(from);
    const entries = commit ? await readdir(cache.snapshot(commit), { recursive: true }).catch(() => []) : [];
    const names = entries.map((entry) => entry.split(sep).join("/")).filter(isParquet);
    if (!commit || names.length === 0) continue;
    const chosen = choose(name, names);
    requireShards(name.repo, chosen);
    return placed(cache, commit, chosen);
  }
  return [];
}

function placed(cache: CachedRepository, commit: string, names: readonly string[]): HubDataFile[] {
  return names.map((name) => ({ name, path: join(cache.snapshot(commit), name) }));
}

function isParquet(path: string): boolean {
  return path.endsWith(".parquet");
}

/** Which part of a data set a file belongs to, by where it lies, as the hub lays them out. */
interface Part {
  readonly path: string;
  readonly config: string;
  readonly split: string;
}

const splitNames = ["train", "training", "test", "validation", "valid", "val", "dev", "eval"];

function partOf(path: string): Part {
  const folders = path.split("/");
  const file = (folders.pop() as string).replace(/\.parquet$/, "");
  const sharded = /^(.+?)(?:-\d+-of-\d+(?:-\w+)?)$/.exec(file)?.[1];
  const last = folders.at(-1) ?? "";
  const inFolder = /^\d+$/.test(file) || splitNames.includes(last);
  const split = inFolder && folders.length > 0 ? (folders.pop() as string) : (sharded ?? file);
  return { path, config: folders.filter((folder) => folder !== "data").join("/") || "default", split };
}

/** The files of the part that is named, in their order. Throws "data" where it is not there, or which one is left open. */
function choose({ repo, config, split }: HubDataName, paths: readonly string[]): string[] {
  const all = paths.map(partOf);
  const ofConfig = only(all, "config", config, `data set ${repo}`, `${repo}:CONFIG`);
  const place = `${repo}${config === null ? "" : `:${config}`}`;
  const ofSplit = only(ofConfig, "split", split, `data set ${place}`, `${place}/SPLIT`);
  return ofSplit.map(({ path }) => path).sort();
}

function only(
  parts: readonly Part[],
  key: "config" | "split",
  wanted: string | null,
  place: string,
  example: string,
): Part[] {
  const values = [...new Set(parts.map((part) => part[key]))].sort();
  const value = wanted ?? (values.length === 1 ? values[0] : values.find((each) => each === "default"));
  const found = parts.filter((part) => part[key] === value);
  if (found.length > 0) return found;
  const problem = wanted === null ? `found several of them (${key}s)` : `found no ${key} ${wanted}`;
  throw new VisplayError("data", `${place}: ${problem}, expected one of ${values.join(", ")}, as ${example}`);
}

/** Throws "data" where a file says that there are more of its kind. */
function requireShards(repo: string, paths: readonly string[]): void {
  const wanted = Math.max(0, ...paths.map((path) => Number(/-of-(\d+)/.exec(path)?.[1] ?? 0)));
  if (wanted <= paths.length) return;
  const message = `data set ${repo}: found ${paths.length} of ${wanted} files in the cache, and the network is forbidden`;
  throw new VisplayError("data", message);
}
