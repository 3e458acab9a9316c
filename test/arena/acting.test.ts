import { describe, expect, it } from "vitest";
import { type ActingReport, actIn } from "../../arena/acting.ts";
import { VisplayError } from "../../common/errors.ts";
import { guessing } from "../fakes/guessing.ts";
import { FakePolicy, type FakePolicyOptions } from "../fakes/policy.ts";
import { guess } from "../fakes/stages.ts";
import { VirtualTime } from "../fakes/virtual_time.ts";
import { reasonerScript } from "../fakes/world.ts";

/** How the fake Reasoner does in twelve tasks of `guessing`, of which the fourth cannot begin. */
async function report(fault?: FakePolicyOptions["fault"]): Promise<ActingReport> {
  const time = new VirtualTime();
  const policy = new FakePolicy({ script: reasonerScript, time, ...(fault && { fault }) });
  const { signal } = new AbortController();
  const options = { from: 0, tasks: 12, temperature: 1, seed: 5, signal, clock: time, progress: () => {} };
  const [acted] = await Promise.all([actIn(policy, guessing(12), guess, options), time.run()]);
  return acted;
}

describe("acting", () => {
  it("plays each task that can begin once", async () => {
    const { tasks, meanTurns } = await report();
    expect(tasks).toBe(11);
    expect(meanTurns).toBeGreaterThan(1);
  });

  it("leaves out a task whose beginning the policy cannot take, and plays the others", async () => {
    const refuse: FakePolicyOptions["fault"] = ({ method }, asked) => {
      if (method === "sample" && asked.some(({ image }) => image.data[0] === 7))
        throw new VisplayError("prompt", "too long");
    };
    expect((await report(refuse)).tasks).toBe(10);
  });

  it("ends with what concerns more than one task", async () => {
    const broken = report(() => {
      throw new VisplayError("numeric", "not a number");
    });
    await expect(broken).rejects.toMatchObject({ code: "numeric" });
  });
});
