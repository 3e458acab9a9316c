import { createHash } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { datasetInfo, downloadFile, type ListFileEntry, listFiles, modelInfo } from "@huggingface/hub";
import { isCommit } from "./cache.ts";
import type { HubRepo } from "./name.ts";

/** A file of a repository, with what tells whether it came whole. */
export interface HubFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Of the content; git's of its blob where it is no large file. Names the blob in the cache. */
  readonly hash: string;
  readonly algorithm: "sha1" | "sha256";
}

/** The download of a file that is not what the hub announced. */
export class BrokenDownload extends Error {}

/** One repository on a hub. Throws what the hub's client and `fetch` throw. */
export class HubRepository {
  readonly #access: {
    readonly hubUrl: string;
    readonly fetch: typeof fetch;
    readonly accessToken?: string;
  };
  readonly #repo: { readonly type: HubRepo["kind"]; readonly name: string };

  constructor({ kind, repo }: HubRepo, hubUrl: string, token: string | undefined, signal: AbortSignal) {
    this.#repo = { type: kind, name: repo };
    this.#access = {
      hubUrl,
      fetch: (url, options) => fetch(url, { ...options, signal }),
      ...(token ? { accessToken: token } : {}),
    };
  }

  /** The commit that a revision means now. */
  async commitOf(revision: string): Promise<string> {
    const info = { ...this.#access, name: this.#repo.name, revision };
    const { sha } =
      this.#repo.type === "model"
        ? await modelInfo({ ...info, additionalFields: ["sha"] })
        : await datasetInfo({ ...info, additionalFields: ["sha"] });
    if (!isCommit(sha)) throw new BrokenDownload(`revision ${revision} is ${sha}; expected a commit`);
    return sha;
  }

  /** The files of a commit, those in its folders only if they are wanted. */
  async files(commit: string, recursive: boolean): Promise<HubFile[]> {
    const files: HubFile[] = [];
    for await (const entry of listFiles({ ...this.#access, repo: this.#repo, revision: commit, recursive }))
      if (entry.type === "file") files.push(hubFile(entry));
    return files;
  }

  /**
   * Writes a file's content to `target`, which appears whole or not at all: size and hash are checked before.
   * Throws `BrokenDownload` where they differ.
   */
  async download(
    file: HubFile,
    commit: string,
    target: string,
    onBytes: (bytes: number) => void,
  ): Promise<void> {
    const blob = await downloadFile({
      ...this.#access,
      repo: this.#repo,
      path: file.path,
      revision: commit,
      xet: false,
    });
    if (blob === null) throw new BrokenDownload(`${file.path} is listed and cannot be fetched`);
    const temporary = `${target}.${process.pid}.incomplete`;
    await mkdir(dirname(target), { recursive: true });
    try {
      await writeAndCheck(blob, file, temporary, onBytes);
      await rename(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

function hubFile({ path, size, oid = "", lfs }: ListFileEntry): HubFile {
  const [hash, algorithm] = lfs ? ([lfs.oid, "sha256"] as const) : ([oid, "sha1"] as const);
  if (!/^[0-9a-f]{40,64}$/.test(hash)) throw new BrokenDownload(`${path} is listed without a hash`);
  return { path, size: lfs?.size ?? size, hash, algorithm };
}

async function writeAndCheck(
  blob: Blob,
  { path, size, hash, algorithm }: HubFile,
  target: string,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const digest = createHash(algorithm);
  if (algorithm === "sha1") digest.update(`blob ${size}\0`);
  const handle = await open(target, "w");
  try {
    let bytes = 0;
    for await (const chunk of blob.stream()) {
      bytes += chunk.length;
      if (bytes > size) break;
      digest.update(chunk);
      await handle.writeFile(chunk);
      onBytes(bytes);
    }
    if (bytes > size) throw new BrokenDownload(`${path} is longer than the ${size} bytes announced`);
    if (bytes < size) throw new BrokenDownload(`${path} ended after ${bytes} of ${size} bytes`);
    if (digest.digest("hex") !== hash) throw new BrokenDownload(`${path} does not have the hash announced`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
