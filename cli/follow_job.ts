import { setTimeout as sleep } from "node:timers/promises";
import { VisplayError } from "../common/errors.ts";
import type { JobDetails, RayJobs } from "../hand_off/ray_jobs.ts";
import type { Opening } from "./run_images.ts";

interface Following extends Opening {
  readonly pauseMs: number;
}

/** A job on a cluster, whose log is told as it grows. */
export class FollowedJob {
  readonly #jobs: RayJobs;
  readonly #id: string;
  readonly #following: Following;
  /** Characters of the log that were told. */
  #told = 0;

  constructor(jobs: RayJobs, id: string, following: Following) {
    this.#jobs = jobs;
    this.#id = id;
    this.#following = following;
  }

  /** What it has come to once it has ended. Throws "run" where the cluster no longer knows it, "cancelled" where the signal aborts. */
  async toItsEnd(): Promise<JobDetails> {
    const { signal, show, pauseMs } = this.#following;
    for (;;) {
      const details = await this.#jobs.details(this.#id);
      if (!details)
        throw new VisplayError(
          "run",
          `${this.#jobs.url} no longer knows ${this.#id}; was the cluster started anew?`,
        );
      const hasEnded = details.status !== "PENDING" && details.status !== "RUNNING";
      this.#tell(await this.#jobs.logs(this.#id), hasEnded);
      if (hasEnded) return details;
      show(`${this.#id}: ${details.status}`);
      await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** Whole lines only, until the last. */
  #tell(log: string, isWhole: boolean): void {
    const end = isWhole ? log.length : log.lastIndexOf("\n") + 1;
    if (end <= this.#told) return;
    this.#following.say(log.slice(this.#told, end).trimEnd());
    this.#told = end;
  }
}
