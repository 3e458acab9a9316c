import { openAsBlob } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";
import { createRepo, datasetInfo, HubApiError, listFiles, uploadFilesWithProgress } from "@huggingface/hub";
import { VisplayError } from "../common/errors.ts";
import { hubSettings } from "./fetch_files.ts";

/** A data set on the hub that a folder is to become. */
export interface HubTarget {
  /** "owner/name". */
  readonly repo: string;
  /** Whether anybody may see it. */
  readonly isPublic: boolean;
}

/** A hub takes some ten thousand at once. */
const filesOfCommit = 2000;
/** What a new data set may hold. */
const ofAnyRepository = [".gitattributes", "README.md"];

/**
 * Makes sure that a folder can become a data set on the hub. Throws a `VisplayError` of code "data" where there is no token,
 * the hub cannot be reached or refuses it, or there is one of that name that holds files or that others may see against
 * what is wanted.
 */
export async function requireTarget({ repo, isPublic }: HubTarget, signal: AbortSignal): Promise<void> {
  const access = accessTo(repo, signal);
  const failure = (problem: string) => new VisplayError("data", `data set ${repo}: ${problem}`);
  try {
    const { private: isPrivate } = await datasetInfo({ ...access, name: repo });
    if (isPrivate === isPublic) {
      const [is, remedy] = isPrivate
        ? ["private", "leave out --public, or make it public there"]
        : ["public", "say --public, or choose another name"];
      throw failure(`found one of that name that is ${is}; ${remedy}`);
    }
    for await (const { path } of listFiles({ ...access, repo: named(repo), recursive: true }))
      if (!ofAnyRepository.includes(path))
        throw failure(`found ${path} in one of that name; choose another, so that nothing is mixed`);
  } catch (error) {
    if (error instanceof HubApiError && error.statusCode === 404) return;
    throw explain(error, repo, signal);
  }
}

/**
 * Uploads all files of a folder into a data set on the hub, which is made if it is not there; the card and the list of what
 * is in it come last. Gives the address. `onProgress` is told how many of how many files are there. Throws as
 * `requireTarget` does.
 */
export async function pushFolder(
  folder: string,
  { repo, isPublic }: HubTarget,
  onProgress: (done: number, files: number) => void,
  signal: AbortSignal,
  filesAtOnce: number = filesOfCommit,
): Promise<string> {
  const access = accessTo(repo, signal);
  const names = await filesIn(folder);
  try {
    const visibility = isPublic ? "public" : "private";
    // There already: it was looked at before.
    await createRepo({ ...access, repo: named(repo), visibility }).catch((error) => {
      if (!(error instanceof HubApiError && error.statusCode === 409)) throw error;
    });
    const done = new Set<string>();
    for (let start = 0; start < names.length; start += filesAtOnce) {
      const part = names.slice(start, start + filesAtOnce);
      const files = await Promise.all(
        part.map(async (path) => ({ path, content: await openAsBlob(join(folder, path)) })),
      );
      const title = "Curriculum of self-play, by visplay";
      const upload = { ...access, repo: named(repo), files, commitTitle: title, abortSignal: signal };
      for await (const event of uploadFilesWithProgress({ ...upload, useXet: false })) {
        signal.throwIfAborted();
        if (event.event === "fileProgress" && event.state === "uploading" && event.progress === 1)
          done.add(event.path);
        onProgress(start + done.size, names.length);
      }
      done.clear();
    }
  } catch (error) {
    throw explain(error, repo, signal);
  }
  return `${access.hubUrl}/datasets/${repo}`;
}

function named(repo: string): { readonly type: "dataset"; readonly name: string } {
  return { type: "dataset", name: repo };
}

/** Throws "data" where the network is forbidden or there is no token. */
function accessTo(repo: string, signal: AbortSignal) {
  const { endpoint, offline, token } = hubSettings();
  if (offline !== null) throw new VisplayError("data", `data set ${repo}: ${offline}`);
  if (!token?.startsWith("hf_")) {
    const found = token ? "an HF_TOKEN that is none (it begins with hf_)" : "no HF_TOKEN";
    throw new VisplayError("data", `data set ${repo}: found ${found}, expected a token that may write there`);
  }
  const withSignal: typeof fetch = (url, options) => fetch(url, { ...options, signal });
  return { hubUrl: endpoint, accessToken: token, fetch: withSignal };
}

/** By path with forward slashes, those that describe the others last. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name).slice(join(folder, sep).length).split(sep).join("/"),
    );
  const describes = (name: string): boolean => /(^|\/)(README\.md|curriculum\.json)$/.test(name);
  return [...names.filter((name) => !describes(name)).sort(), ...names.filter(describes).sort()];
}

/** What a failed upload means to a user. */
function explain(error: unknown, repo: string, signal: AbortSignal): unknown {
  signal.throwIfAborted();
  if (error instanceof VisplayError) return error;
  const { endpoint } = hubSettings();
  const failure = (problem: string): VisplayError =>
    new VisplayError("data", `data set ${repo} at ${endpoint}: ${problem}`, { cause: error });
  if (!(error instanceof HubApiError)) {
    const { message, cause } = error as Error;
    return failure(`it cannot be reached (${cause instanceof Error ? cause.message || message : message})`);
  }
  const { statusCode: status } = error;
  if (status === 401 || status === 403)
    return failure(`access refused (${status}); set HF_TOKEN to a token that may write there`);
  if (status === 413 || status === 507) return failure(`it has no room for it (${status})`);
  return failure(`the server answered with status ${status} (${error.message}); try again later`);
}
