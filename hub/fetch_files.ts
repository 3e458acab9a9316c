import { freeBytes } from "../common/free_bytes.ts";
import { type CachedRepository, isFile } from "./cache.ts";
import type { HubFile, HubRepository } from "./download.ts";
import { diskError } from "./failures.ts";

/** How far the download of one file is, in bytes. */
export interface DownloadProgress {
  readonly path: string;
  readonly bytes: number;
  readonly size: number;
}

/** Where the hub is (HF_ENDPOINT), why it must not be asked (HF_HUB_OFFLINE; null: it may be), and with what (HF_TOKEN). */
export function hubSettings(): { endpoint: string; offline: string | null; token: string | undefined } {
  const { HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN } = process.env;
  const isOffline = /^(1|on|yes|true)$/i.test(HF_HUB_OFFLINE ?? "");
  return {
    endpoint: (HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, ""),
    offline: isOffline ? `HF_HUB_OFFLINE=${HF_HUB_OFFLINE} forbids the network` : null,
    token: HF_TOKEN,
  };
}

/** Left free on the disk beside a download. */
const reserveBytes = 64 * 2 ** 20;

/** Downloads what of a commit's files the cache lacks, and makes all of them part of its snapshot. */
export async function fetchFiles(
  hub: HubRepository,
  cache: CachedRepository,
  { commit, files }: { readonly commit: string; readonly files: readonly HubFile[] },
  onProgress: (progress: DownloadProgress) => void,
): Promise<void> {
  const present = await Promise.all(files.map(({ hash }) => isFile(cache.blob(hash))));
  await requireRoom(
    cache.folder,
    files.filter((_, i) => !present[i]),
  );
  for (const [i, file] of files.entries()) {
    const { path, size, hash } = file;
    const onBytes = (bytes: number): void => onProgress({ path, bytes, size });
    if (!present[i]) await hub.download(file, commit, cache.blob(hash), onBytes);
    await cache.place(hash, commit, path);
  }
}

async function requireRoom(folder: string, files: readonly HubFile[]): Promise<void> {
  const bytes = files.reduce((sum, { size }) => sum + size, reserveBytes);
  const free = await freeBytes(folder);
  if (bytes > free) {
    const megabytes = (n: number): string => `${Math.ceil(n / 1e6)} MB`;
    throw diskError(folder, `the download needs ${megabytes(bytes)}, ${megabytes(free)} are free`);
  }
}
