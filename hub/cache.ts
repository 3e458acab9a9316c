import { link, mkdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { HubRepo } from "./name.ts";

/** One repository in the cache that Python shares: blobs by hash, snapshots of links to them, refs by revision. */
export class CachedRepository {
  readonly folder: string;

  constructor(cache: string, { kind, repo }: HubRepo) {
    this.folder = join(cache, `${kind}s--${repo.replace("/", "--")}`);
  }

  /** The folder of a commit's files, whether it exists or not. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** Where the content of that hash lies or would lie. */
  blob(hash: string): string {
    return join(this.folder, "blobs", hash);
  }

  /** The commit that a revision meant when it was last asked for; undefined where it never was. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(this.#ref(revision), "utf8").catch(() => "");
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  /** Notes which commit a revision means. */
  async setCommit(revision: string, commit: string): Promise<void> {
    if (isCommit(revision)) return;
    const path = this.#ref(revision);
    const temporary = `${path}.${process.pid}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, commit);
    await rename(temporary, path);
  }

  /** Makes a blob a file of a snapshot. */
  async place(hash: string, commit: string, name: string): Promise<void> {
    const path = join(this.snapshot(commit), name);
    await mkdir(dirname(path), { recursive: true });
    const target = relative(dirname(path), this.blob(hash));
    try {
      // Where symbolic links need a privilege (Windows), hard links do not.
      await symlink(target, path).catch(() => link(this.blob(hash), path));
    } catch (error) {
      if (!(await isFile(path))) throw error;
    }
  }

  #ref(revision: string): string {
    return join(this.folder, "refs", ...revision.split("/"));
  }
}

export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
