import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LocalPolicy, LocalPolicyOptions } from "../../../policy/embedded/local_policy.ts";
import { type TakeOverOptions, takeOver } from "../../../policy/embedded/take_over.ts";
import { openTiny, questions, tinyFolder } from "../tiny.ts";

const prompts = questions(2);
const adapter = { rank: 4, alpha: 8, rankStabilized: false, layers: null, seed: 1 };
const options: TakeOverOptions = { base: tinyFolder, trains: () => true, steps: 5 };
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "visplay-take-over-"));
});
afterAll(() => rm(scratch, { recursive: true }));

/** The state of a policy after so many steps, in a folder of that name. */
async function stateOf(name: string, steps: number, own: Partial<LocalPolicyOptions> = {}): Promise<string> {
  await using policy = await openTiny(own);
  const examples = prompts.map((prompt) => ({ prompt, completion: Int32Array.of(5, 6, 7) }));
  for (let i = 0; i < steps; i++) await policy.supervise(examples, { learningRate: 1e-2 });
  const folder = join(scratch, name);
  await policy.saveState(folder);
  return folder;
}

async function scores(policy: LocalPolicy): Promise<Float32Array[][]> {
  const groups = prompts.map((prompt) => ({ prompt, completions: [{ tokens: Int32Array.of(9, 10, 11) }] }));
  return policy.score(groups, { weights: "policy", temperature: 1 });
}

test.each([
  ["a whole model", {}],
  ["an adapter", { adapter }],
] as const)(
  "%s goes on with others' weights, and with an optimiser that knows nothing of them",
  async (name, own) => {
    const state = await stateOf(`${name}, before`, 1, own);
    const weights = await stateOf(`${name}, elsewhere`, 3, own);
    const taken = await takeOver(state, weights, options);
    await taken.saveState(join(scratch, name));
    await using policy = await openTiny(own);
    await policy.loadState(join(scratch, name));
    await using there = await openTiny(own);
    await there.loadState(weights);
    expect(await scores(policy)).toEqual(await scores(there));
    expect(await taken.info()).toEqual({ parameters: (await policy.info()).parameters, version: 6 });
    expect((await policy.info()).version).toBe(6);
    expect(policy.learner.optimizer.state.firstMoment.every((value) => value === 0)).toBe(true);
  },
);

test("what is no such model is refused", async () => {
  const [whole, small, large] = await Promise.all([
    stateOf("whole", 0),
    stateOf("small", 0, { adapter }),
    stateOf("large", 0, { adapter: { ...adapter, rank: 8 } }),
  ]);
  const refused = (message: RegExp) =>
    expect.objectContaining({ code: "model", message: expect.stringMatching(message) });
  await expect(takeOver(whole, small, options)).rejects.toEqual(
    refused(/holds an adapter; expected a whole model/),
  );
  await expect(takeOver(small, whole, options)).rejects.toEqual(
    refused(/holds a whole model; expected an adapter/),
  );
  await expect(takeOver(small, large, options)).rejects.toEqual(refused(/adapters of rank 8; expected 4/));
  await expect(takeOver(whole, join(scratch, "nowhere"), options)).rejects.toMatchObject({ code: "model" });
});

test("parameters that are kept frozen have to be as they were", async () => {
  const state = await stateOf("frozen", 0);
  const moved = await stateOf("moved", 1);
  const frozen = { ...options, trains: (group: string) => group !== "vision" };
  await expect(takeOver(state, moved, frozen)).rejects.toMatchObject({
    message: expect.stringMatching(/vision.* was trained; expected it as it was: this run keeps it frozen/),
  });
  const factors = { text: 1, connector: 1, vision: 0 };
  const still = await stateOf("still", 1, { learningRateFactors: factors });
  expect(await (await takeOver(state, still, frozen)).info()).toMatchObject({ version: 5 });
});
