import { describe, expect, test } from "vitest";
import { Conversations } from "../../../policy/embedded/conversations.ts";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { ThreadedPolicy } from "../../../policy/parallel/threaded_policy.ts";
import type {
  Completion,
  Continuation,
  Prompt,
  ReadTurn,
  TrainingGroup,
  Turn,
  UpdateOptions,
} from "../../../policy/port.ts";
import { imagesIn, promptAbout } from "../../../policy/prompts.ts";
import { expectClose } from "../../parity/closeness.ts";
import { referencePath } from "../../reference_dir.ts";
import { grpo, picture, relativeError, sampling, tinyOptions } from "../tiny.ts";

const families = ["smolvlm-tiny", "qwen2_5_vl-tiny", "qwen3_vl-tiny"];

/** What is observed after each answer: text, a picture, both. */
const observed: readonly (readonly ReadTurn[])[] = [
  [{ role: "user", parts: ["Look again."] }],
  [{ role: "tool", parts: [picture(4)] }],
  [
    { role: "tool", parts: ["The left half: ", picture(5)] },
    { role: "user", parts: ["So?"] },
  ],
];

const begun = [
  promptAbout(picture(0), "How many dots?"),
  promptAbout(picture(1), "Look closely. Which colour?"),
];
const turn = { ...sampling, groupSize: 1, maxTokens: 10, goesOn: true };

/** Conversations that go on through all that is observed; what was sampled in each turn of each. */
async function converse(policy: Pick<LocalPolicy, "sample">, beforeTurn = () => {}): Promise<Completion[][]> {
  let prompts: Prompt[] = begun;
  const said: Completion[][] = begun.map(() => []);
  for (const [k, turns] of [...observed, []].entries()) {
    beforeTurn();
    const sampled = await policy.sample(prompts, { ...turn, seed: k });
    prompts = prompts.map((prompt, i) => {
      const [completion] = sampled[i] as [Completion];
      said[i]?.push(completion);
      return { turns: [...prompt.turns, { role: "assistant", tokens: completion.tokens }, ...turns] };
    });
  }
  return said;
}

/** All turns of a conversation as one completion with what was observed between them. */
function joined(turns: readonly Completion[]) {
  const starts = turns.map((_, k) => turns.slice(0, k).reduce((sum, { tokens }) => sum + tokens.length, 0));
  return {
    tokens: Int32Array.from(turns.flatMap(({ tokens }) => [...tokens])),
    logProbs: Float32Array.from(turns.flatMap(({ logProbs }) => [...logProbs])),
    observations: observed.map((seen, k) => ({ after: starts[k + 1] as number, turns: seen })),
  };
}

describe.each(families)("a conversation with %s", (family) => {
  const open = () => LocalPolicy.open(referencePath(family), tinyOptions);

  test("goes on with the same bits whether what came before is kept or not", async () => {
    await using kept = await open();
    await using forgetful = await open();
    const wanted = await converse(kept);
    expect(await converse(forgetful, () => forgetful.conversations.forget())).toEqual(wanted);
    expect(wanted.flat().map(({ tokens }) => tokens.length)).not.toContain(0);
  });

  test("is sampled with the log-probabilities that it is scored with as a whole", async () => {
    await using policy = await open();
    const said = await converse(policy);
    const completions = said.map(joined);
    const groups = begun.map((prompt, i) => ({ prompt, completions: completions.slice(i, i + 1) }));
    const scores = await policy.score(groups, { weights: "policy", temperature: 1 });
    for (const [i, { logProbs }] of completions.entries()) expectClose(scores[i]?.[0], logProbs, 1e-4);
  });

  test("teaches what its turns teach one by one, in any micro-batches", async () => {
    await using policy = await open();
    const said = await converse(policy);
    const options: UpdateOptions = { ...grpo, beta: 0.04, loss: "dapo" };
    // Off-policy, by as much for a turn alone as in the whole.
    const shifted = (turns: readonly Completion[], by: number) =>
      Float32Array.from(turns.flatMap(({ logProbs }) => [...logProbs.map((x, t) => x + by * Math.sin(t))]));
    const groupOf = (i: number, prompt: Prompt, completion: Continuation, turns: readonly Completion[]) => ({
      prompt,
      rollouts: [
        {
          completion: { ...completion, logProbs: shifted(turns, 0.3) },
          referenceLogProbs: shifted(turns, 0.2),
          advantage: 1 - 2 * i,
        },
      ],
    });
    const whole = said.map((turns, i) => groupOf(i, begun[i] as Prompt, joined(turns), turns));
    const alone = said.flatMap((completions, i) => {
      let { turns } = begun[i] as Prompt;
      return completions.map((completion, k) => {
        const asked = { turns };
        turns = [...turns, { role: "assistant", tokens: completion.tokens }, ...(observed[k] ?? [])];
        return groupOf(i, asked, completion, [completion]);
      });
    });
    const gradientOf = async (groups: readonly TrainingGroup[], microBatchTokens = 4096) => {
      await using fresh = await LocalPolicy.open(referencePath(family), { ...tinyOptions, microBatchTokens });
      const report = await fresh.update(groups, options);
      return { report, gradient: fresh.learner.optimizer.state.firstMoment.slice() };
    };
    const together = await gradientOf(whole);
    for (const other of [await gradientOf(alone), await gradientOf(whole, 1)]) {
      expect(relativeError(together.gradient, other.gradient)).toBeLessThan(1e-5);
      expect(together.report.loss).toBeCloseTo(other.report.loss, 5);
      expect(together.report.tokens).toBe(other.report.tokens);
    }
  });
});

test.each([1, 2])(
  "with %i threads what is said next does not depend on the conversations beside it",
  async (threads) => {
    const folder = referencePath("qwen2_5_vl-tiny");
    await using policy = await LocalPolicy.open(folder, { ...tinyOptions, threads });
    const said: Turn = { role: "assistant", tokens: Int32Array.of(20, 21, 22) };
    const prompts = Array.from({ length: 5 }, (_, i): Prompt => {
      const { turns } = promptAbout(picture(i), `${"Look. ".repeat(i % 2)}How many?`);
      return { turns: [...turns, said, ...(observed[i % 3] ?? [])] };
    });
    const next = { ...turn, maxTokens: 1, temperature: 0 };
    const together = await policy.sample(prompts, next);
    for (const [i, prompt] of prompts.entries()) {
      policy.conversations.forget();
      expect((await policy.sample([prompt], next))[0]).toEqual(together[i]);
    }
  },
);

test("a conversation without images, and one whose policy says its image token, go on", async () => {
  await using policy = await LocalPolicy.open(referencePath("smolvlm-tiny"), tinyOptions);
  const plain: Prompt = { turns: [{ role: "user", parts: ["How are you?"] }] };
  const { imageTokenId } = policy.model.config;
  const strange: Prompt = {
    turns: [
      ...plain.turns,
      { role: "assistant", tokens: Int32Array.of(imageTokenId, 9, imageTokenId) },
      { role: "user", parts: ["And this? ", picture(1)] },
    ],
  };
  expect(imagesIn(strange.turns)).toHaveLength(1);
  const prompts = [plain, strange, promptAbout(picture(2), "And this?")];
  const sampled = await policy.sample(prompts, sampling);
  const groups = prompts.map((prompt, i) => ({ prompt, completions: sampled[i] ?? [] }));
  const scores = await policy.score(groups, { weights: "policy", temperature: 1 });
  for (const [i, group] of sampled.entries())
    for (const [g, { logProbs }] of group.entries()) expectClose(scores[i]?.[g], logProbs, 1e-4);
  const rollouts = (sampled[1] ?? []).map((completion, g) => ({ completion, advantage: g - 1.5 }));
  const report = await policy.update([{ prompt: strange, rollouts }], grpo);
  expect(report.gradientNorm).toBeGreaterThan(0);
});

test("what is kept of conversations takes no more than it may, and is forgotten when the weights change", async () => {
  await using policy = await LocalPolicy.open(referencePath("smolvlm-tiny"), tinyOptions);
  const wanted = await converse(policy);
  const narrow = new Conversations({ large: false, threads: 1, bytes: 1 });
  Object.assign(policy, { conversations: narrow });
  expect(await converse(policy)).toEqual(wanted);
  const rollouts = (wanted[0] as Completion[]).map((completion, g) => ({ completion, advantage: g - 1.5 }));
  await policy.update([{ prompt: begun[0] as Prompt, rollouts: rollouts.slice(0, 1) }], grpo);
  await using other = await LocalPolicy.open(referencePath("smolvlm-tiny"), tinyOptions);
  await other.update([{ prompt: begun[0] as Prompt, rollouts: rollouts.slice(0, 1) }], grpo);
  expect(await converse(policy)).toEqual(await converse(other));
});

test("a thread takes conversations as the policy itself does", async () => {
  await using policy = await LocalPolicy.open(referencePath("qwen2_5_vl-tiny"), tinyOptions);
  await using threaded = await ThreadedPolicy.open(referencePath("qwen2_5_vl-tiny"), {
    ...tinyOptions,
    name: "talking",
  });
  expect(await converse(threaded)).toEqual(await converse(policy));
});
