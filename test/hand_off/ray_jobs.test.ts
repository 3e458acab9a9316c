import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FollowedJob } from "../../cli/follow_job.ts";
import { type JobRequest, RayJobs } from "../../hand_off/ray_jobs.ts";
import { RayDouble } from "./ray_double.ts";

const request: JobRequest = { submission_id: "a", entrypoint: "true", runtime_env: {}, metadata: {} };

let ray: RayDouble;
let troubles: string[];
beforeEach(async () => {
  ray = await RayDouble.start();
  troubles = [];
});
afterEach(() => ray[Symbol.asyncDispose]());

function jobs(url = ray.url, signal = new AbortController().signal): RayJobs {
  return new RayJobs(url, { signal, onTrouble: (text) => troubles.push(text), tries: 4, waitMs: 1 });
}

describe("a Ray cluster's jobs", () => {
  test("are submitted under a name, looked at, stopped and forgotten", async () => {
    ray.course = [["RUNNING", ""]];
    expect(await jobs().details("a")).toBeNull();
    await jobs().submit(request);
    expect(ray.jobs.get("a")?.request).toEqual(request);
    expect(await jobs().details("a")).toEqual({ status: "RUNNING", message: null });
    await expect(jobs().forget("a")).rejects.toMatchObject({
      code: "run",
      message: expect.stringMatching(/refused: 400 is not in a terminal state/),
    });
    expect(await jobs().stop("a")).toBe(true);
    expect(await jobs().stop("a")).toBe(false);
    await jobs().forget("a");
    await jobs().forget("a");
    expect(await jobs().details("a")).toBeNull();
  });

  test.each([
    ["503", [503, 500, 429]],
    ["a broken connection", ["broken", "broken"]],
  ] as const)("are asked for again after %s", async (_, faults) => {
    await jobs().submit(request);
    ray.faults.push(...faults);
    expect(await jobs().details("a")).toMatchObject({ status: "SUCCEEDED" });
    expect(troubles).toHaveLength(faults.length);
  });

  test("are submitted once where the answer to that was lost, or somebody else was faster", async () => {
    ray.faults.push("lost answer");
    await jobs().submit(request);
    expect(ray.asked).toEqual(["POST /api/jobs/", "GET /api/jobs/a"]);
    // Ray fails at a name that is taken, which another one may have taken meanwhile.
    await jobs().submit(request);
    expect(ray.jobs.size).toBe(1);
    expect(troubles).toEqual([]);
  });

  test("that are refused say why", async () => {
    ray.faults.push(403);
    await expect(jobs().submit(request)).rejects.toMatchObject({
      code: "run",
      message: `the Ray cluster at ${ray.url} refused: 403 a fault of the double`,
    });
  });

  test("of a cluster that stays away are given up", async () => {
    const { url } = ray;
    await ray[Symbol.asyncDispose]();
    const away = expect.objectContaining({
      code: "run",
      message: expect.stringMatching(
        /is away: .*; expected its Jobs interface there \(--url\), tried 4 times/,
      ),
    });
    await expect(jobs(url).details("a")).rejects.toEqual(away);
    expect(troubles).toHaveLength(3);
    ray = await RayDouble.start();
  });

  test("are of Ray, or it is said what is there", async () => {
    await jobs().submit(request);
    ray.faults.push(200);
    await expect(jobs().details("a")).rejects.toMatchObject({
      code: "run",
      message: expect.stringMatching(/found no JSON; expected the answer of Ray's Jobs interface/),
    });
  });
});

describe("a job that is followed", () => {
  const follow = async (controller = new AbortController()) => {
    const said: string[] = [];
    const say = (line: string) => void said.push(line);
    const following = { signal: controller.signal, say, show: () => {}, pauseMs: 1 };
    const end = new FollowedJob(jobs(ray.url, controller.signal), "a", following).toItsEnd();
    return { said, end: await end.catch((error: unknown) => error) };
  };

  test("tells each line of its log once, and its end", async () => {
    ray.course = [
      ["PENDING", ""],
      ["RUNNING", "one\ntw"],
      ["RUNNING", "one\ntwo\n"],
      ["FAILED", "one\ntwo\nthree"],
    ];
    await jobs().submit(request);
    expect(await follow()).toEqual({
      said: ["one", "two", "three"],
      end: { status: "FAILED", message: null },
    });
  });

  test("may be lost", async () => {
    expect((await follow()).end).toMatchObject({
      code: "run",
      message: expect.stringContaining("no longer knows a"),
    });
  });

  test("goes on where nobody follows it any more", async () => {
    ray.course = [["RUNNING", ""]];
    await jobs().submit(request);
    const controller = new AbortController();
    const followed = follow(controller);
    setTimeout(() => controller.abort(new Error("enough")), 20);
    expect((await followed).end).toMatchObject({ message: "enough" });
    expect(await jobs().details("a")).toMatchObject({ status: "RUNNING" });
  });
});
