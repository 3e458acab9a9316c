import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scratchFolder, writeResizedModel } from "../../../bench/models.ts";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import type { Completion } from "../../../policy/port.ts";
import { expectClose } from "../../parity/closeness.ts";
import { questions, sampling, tinyFolder, tinyOptions } from "../tiny.ts";

/** A vocabulary that is large enough for graphs to choose. */
const vocab_size = 5120;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let policy: LocalPolicy;
const prompts = questions(5);

beforeAll(async () => {
  scratch = await scratchFolder();
  await writeResizedModel(tinyFolder, { text_config: { vocab_size } }, scratch.path);
  policy = await LocalPolicy.open(scratch.path, tinyOptions);
});
afterAll(async () => {
  await policy[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

function expectAlike(found: readonly (readonly Completion[])[], wanted: readonly (readonly Completion[])[]) {
  wanted.forEach((group, p) => {
    group.forEach(({ tokens, logProbs, finishReason }, g) => {
      const own = found[p]?.[g] as Completion;
      expect([...own.tokens]).toEqual([...tokens]);
      expectClose(own.logProbs, logProbs, 1e-5);
      expect(own.finishReason).toBe(finishReason);
    });
  });
}

describe("tokens of a large vocabulary", () => {
  // A top-k of all tokens cuts nothing off, but is chosen by outside of the graph. Where many tokens are as likely, the last
  // bits of sums decide between neighbours.
  const outside = { ...sampling, topK: vocab_size };

  test.each([0.2, 0])(
    "are those that probabilities give outside of graphs, at temperature %d",
    async (temperature) => {
      const inGraphs = await policy.sample(prompts, { ...sampling, temperature });
      expectAlike(inGraphs, await policy.sample(prompts, { ...outside, temperature }));
    },
  );

  test("do not depend on which other prompts are asked", async () => {
    const together = await policy.sample(prompts, sampling);
    for (const [firstPrompt, prompt] of prompts.entries())
      expectAlike(await policy.sample([prompt], { ...sampling, firstPrompt }), [together[firstPrompt] ?? []]);
  });
});
