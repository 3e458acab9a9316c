import { HubApiError } from "@huggingface/hub";
import { VisplayError } from "../common/errors.ts";
import { BrokenDownload } from "./download.ts";
import type { HubRepo } from "./name.ts";

/** How each kind of repository is spoken of. */
const words = {
  model: { code: "model", noun: "model", option: "", say: "--model FOLDER" },
  dataset: {
    code: "data",
    noun: "data set",
    option: " --repo-type dataset",
    say: "FOLDER in place of its name",
  },
} as const;

/** What was wanted, and what was there. */
export interface Lack extends HubRepo {
  readonly revision: string;
  readonly endpoint: string;
  /** Where the cache was looked into. */
  readonly place: string;
  readonly missing: readonly string[];
}

/** What a failed download means to a user. */
export function explain(error: unknown, lack: Lack): unknown {
  const { kind, repo, revision, endpoint } = lack;
  const { code: about, noun } = words[kind];
  const failure = (problem: string): VisplayError =>
    new VisplayError(about, `${noun} ${repo} from ${endpoint}: ${problem}`, { cause: error });
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

export function networkError(
  { kind, repo, place, missing }: Lack,
  reason: string,
  cause?: unknown,
): VisplayError {
  const { code, noun, option, say } = words[kind];
  const lines = [
    `${noun} ${repo}: ${reason}, and there is no folder of that name`,
    `missing: ${missing.join(", ")}`,
    `looked in: ${place}`,
    `to go on: on a machine with a network, run \`hf download ${repo}${option} --local-dir FOLDER\`, ` +
      `copy the folder here and say ${say}`,
  ];
  return new VisplayError(code, lines.join("\n  "), { cause });
}

export function diskError(path: string, problem: string, cause?: unknown): VisplayError {
  const remedy = "make room, or choose another cache with HF_HOME";
  return new VisplayError("disk", `could not write ${path}: ${problem}; ${remedy}`, { cause });
}
