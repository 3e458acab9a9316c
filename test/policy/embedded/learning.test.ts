import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { losses, usualClip } from "../../../policy/options.ts";
import type { Example, Prompt, TrainingGroup, TrainingRollout, UpdateOptions } from "../../../policy/port.ts";
import { promptAbout } from "../../../policy/prompts.ts";
import { ParameterLayout } from "../../../policy/weights/parameters.ts";
import { aboutCopies } from "../../fakes/prompts.ts";
import { type Derivative, Gradients } from "../gradients.ts";
import {
  grpo,
  openTiny,
  picture,
  questions,
  relativeError,
  rolloutGroups,
  sampling,
  tinyOptions,
} from "../tiny.ts";

const withKl: UpdateOptions = { ...grpo, beta: 0.04 };

const gradients = new Gradients();
afterAll(() => gradients[Symbol.asyncDispose]());

function differentiate(...update: Parameters<Gradients["of"]>): Promise<Derivative> {
  return gradients.of(...update);
}

/** Both updates have the same loss and gradient. */
async function expectEqual(
  actual: Promise<Derivative> | Derivative,
  wanted: Promise<Derivative> | Derivative,
): Promise<void> {
  const [a, b] = [await actual, await wanted];
  expect(relativeError(a.gradient, b.gradient)).toBeLessThan(1e-5);
  expect(a.report.loss).toBeCloseTo(b.report.loss, 5);
  expect(a.report.kl).toBeCloseTo(b.report.kl, 5);
  expect(a.report).toMatchObject({ tokens: b.report.tokens, clipFraction: b.report.clipFraction });
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  const bytes = (x: Float32Array): Uint8Array => new Uint8Array(x.buffer, x.byteOffset, x.byteLength);
  return Buffer.compare(bytes(a), bytes(b)) === 0;
}

/** Three questions about one image and one about another. */
const lesson: readonly Example[] = [
  { prompt: promptAbout(picture(0), "What colour?"), completion: "red" },
  { prompt: promptAbout(picture(0), "How many dots?"), completion: "12 dots" },
  { prompt: promptAbout(picture(0), "Is it large?"), completion: "no" },
  { prompt: promptAbout(picture(1), "What colour?"), completion: "blue" },
];

let prompts: Prompt[];
/** 5 groups of 6 rollouts of 5 to 24 tokens, off-policy so that some ratios are clipped. */
let groups: TrainingGroup[];

beforeAll(async () => {
  await using policy = await openTiny();
  prompts = questions(5, 2);
  const sampled = rolloutGroups(prompts, await policy.sample(prompts, { ...sampling, groupSize: 6 }));
  groups = sampled.map(({ prompt, rollouts }, i) => ({
    prompt,
    rollouts: rollouts.map(({ completion, advantage }, b): TrainingRollout => {
      const tokens = completion.tokens.slice(0, 24 - ((5 * b + 3 * i) % 20));
      const logProbs = completion.logProbs.slice(0, tokens.length);
      return {
        completion: { tokens, logProbs: logProbs.map((x, t) => x + 0.4 * Math.sin(t + b)) },
        referenceLogProbs: logProbs.map((x, t) => x + 0.2 * Math.cos(t - b)),
        advantage,
      };
    }),
  }));
});

/** The groups with other advantages, by each rollout and its place in its group. */
function withAdvantages(advantageOf: (rollout: TrainingRollout, b: number) => Float32Array): TrainingGroup[] {
  return groups.map(({ prompt, rollouts }) => ({
    prompt,
    rollouts: rollouts.map((rollout, b) => ({ ...rollout, advantage: advantageOf(rollout, b) })),
  }));
}

/** Every rollout in a group of its own; `images` gives each its own copy of the image. */
function repeated(all: readonly TrainingGroup[], images: "shared" | "copied"): TrainingGroup[] {
  return all.flatMap(({ prompt, rollouts }) =>
    rollouts.map((rollout, b) => {
      const copy = aboutCopies(prompt, ({ id }) => (images === "shared" ? id : `${id} ${b}`));
      return { prompt: copy, rollouts: [rollout] };
    }),
  );
}

describe("gradients", () => {
  test.each(["shared", "copied"] as const)(
    "a group that shares its prompt has those of its rollouts one by one, images %s",
    async (images) => {
      const [group] = groups as [TrainingGroup];
      const singles = repeated([group], images);
      await expectEqual(differentiate([group], withKl), differentiate(singles, withKl));
    },
  );

  test.each([...losses.map((loss) => [loss, null] as const), ["dapo", 1.2] as const])(
    "%s, importance capped at %s: so do several groups",
    async (loss, importanceCap) => {
      // The mean over a completion moves less than a token.
      const clip = loss === "gspo" ? { clipLow: 0.01, clipHigh: 0.01 } : {};
      const options = { ...withKl, ...clip, loss, importanceCap };
      const whole = await differentiate(groups, options);
      const { report } = whole;
      expect(report.clipFraction).toBeGreaterThan(0.03);
      expect(report.kl).toBeGreaterThan(0.005);
      await expectEqual(whole, differentiate(repeated(groups, "shared"), options));
    },
  );

  test("they don't depend on micro-batches, padding and the order of groups", async () => {
    const wanted = differentiate(groups, withKl);
    for (const microBatchTokens of [1, 700])
      await expectEqual(differentiate(groups, withKl, { microBatchTokens }), wanted);
    await expectEqual(differentiate(groups.toReversed(), withKl), wanted);
  });

  test("masked tokens change nothing, however unlikely", async () => {
    const cut = 4;
    const shortened = groups.map(({ prompt, rollouts }) => ({
      prompt,
      rollouts: rollouts.map(({ completion, referenceLogProbs, advantage }) => ({
        completion: {
          tokens: completion.tokens.subarray(0, -cut),
          logProbs: completion.logProbs.subarray(0, -cut),
        },
        referenceLogProbs: referenceLogProbs?.subarray(0, -cut) as Float32Array,
        advantage,
      })),
    }));
    const masked = groups.map(({ prompt, rollouts }) => ({
      prompt,
      rollouts: rollouts.map(({ completion, referenceLogProbs, advantage }) => {
        const end = completion.tokens.length - cut;
        const beyond = (value: number) => (x: number, t: number) => (t < end ? x : value);
        return {
          completion: {
            tokens: completion.tokens.map(beyond(17)),
            logProbs: completion.logProbs.map(beyond(-500)),
          },
          referenceLogProbs: referenceLogProbs?.map(beyond(500)) as Float32Array,
          advantage,
          mask: Uint8Array.from(completion.tokens, (_, t) => (t < end ? 1 : 0)),
        };
      }),
    }));
    await expectEqual(differentiate(masked, withKl), differentiate(shortened, withKl));
  });

  test.each(losses)("%s: equal advantages of a completion's tokens are its one advantage", async (loss) => {
    const options = { ...withKl, loss };
    const spread = withAdvantages(({ advantage, completion }) =>
      new Float32Array(completion.tokens.length).fill(advantage as number),
    );
    await expectEqual(differentiate(spread, options), differentiate(groups, options));
  });

  test.each(["dapo", "cispo"] as const)(
    "%s: a completion whose beginning and end have their own advantages is two, each with its part alone in the loss",
    async (loss) => {
      const options = { ...withKl, loss };
      const half = ({ completion: { tokens } }: TrainingRollout) => Math.floor(tokens.length / 2);
      const apart = groups.map(({ prompt, rollouts }) => ({
        prompt,
        rollouts: rollouts.flatMap((rollout, b) =>
          [rollout.advantage, 0.7 - 0.3 * b].map((advantage, part) => ({
            ...rollout,
            advantage,
            mask: rollout.completion.tokens.reduce((mask, _, t) => {
              mask[t] = Number(t < half(rollout)) ^ part;
              return mask;
            }, new Uint8Array(rollout.completion.tokens.length)),
          })),
        ),
      }));
      const together = withAdvantages((rollout, b) => {
        const { completion, advantage } = rollout;
        const own = new Float32Array(completion.tokens.length).fill(0.7 - 0.3 * b);
        return own.fill(advantage as number, 0, half(rollout));
      });
      await expectEqual(differentiate(together, options), differentiate(apart, options));
      // In whatever micro-batches, and beside completions that have one advantage.
      const mixed = together.map((group, i) => (i % 2 === 0 ? group : (groups[i] as TrainingGroup)));
      const singles = mixed.flatMap(({ prompt, rollouts }) =>
        rollouts.map((rollout) => ({ prompt, rollouts: [rollout] })),
      );
      await expectEqual(
        differentiate(mixed, options, { microBatchTokens: 1 }),
        differentiate(singles, options),
      );
    },
  );

  test("advantages of more or fewer tokens than a completion has are refused", async () => {
    await using policy = await openTiny();
    const short = withAdvantages(({ completion }) => new Float32Array(completion.tokens.length - 1));
    await expect(policy.update(short, grpo)).rejects.toThrow(/found 23 advantages of 24 tokens/);
  });

  test("padding changes nothing at a temperature where its log-probabilities overflow", async () => {
    const cold = { ...withKl, temperature: 0.01 };
    await using policy = await openTiny();
    const scored = await policy.score(
      groups.map(({ prompt, rollouts }) => ({
        prompt,
        completions: rollouts.map((r) => r.completion),
      })),
      { weights: "policy", temperature: cold.temperature },
    );
    const own = groups.map(({ prompt, rollouts }, i) => ({
      prompt,
      rollouts: rollouts.map(({ completion: { tokens }, advantage }, b) => {
        const logProbs = scored[i]?.[b] as Float32Array;
        return { completion: { tokens, logProbs }, referenceLogProbs: logProbs, advantage };
      }),
    }));
    const report = await policy.update(own, cold);
    expect(report.gradientNorm).toBeGreaterThan(0);
    expect(report.kl).toBeCloseTo(0, 3);
  });
});

describe("updates", () => {
  test.each([
    ["dapo", null],
    ["dapo", 1.01],
    ["cispo", null],
    ["gspo", null],
  ] as const)(
    "%s, importance capped at %s: on their own samples nothing is clipped, and rewarded completions become likelier",
    async (loss, importanceCap) => {
      await using policy = await openTiny();
      const sampled = await policy.sample(prompts, sampling);
      const rewarded = rolloutGroups(prompts, sampled);
      const asked = rewarded.map(({ prompt, rollouts }) => ({
        prompt,
        completions: rollouts.map(({ completion }) => completion),
      }));
      /** Σ advantage · log-probability of each group. */
      const favour = async (weights: "policy" | "reference"): Promise<number[]> => {
        const scores = await policy.score(asked, { weights, temperature: 1 });
        return rewarded.map(({ rollouts }, i) => {
          const totals = (scores[i] ?? []).map((logProbs) => logProbs.reduce((sum, x) => sum + x, 0));
          return rollouts.reduce(
            (sum, { advantage }, b) => sum + (advantage as number) * (totals[b] as number),
            0,
          );
        });
      };
      const options = { ...grpo, ...usualClip[loss], loss, importanceCap };
      const report = await policy.update(rewarded, options);
      expect(report).toMatchObject({ clipFraction: 0, kl: 0, version: 1 });
      expect((await policy.info()).version).toBe(1);
      const [now, then] = [await favour("policy"), await favour("reference")];
      now.forEach((sum, i) => {
        expect(sum).toBeGreaterThan(then[i] as number);
      });
    },
  );

  test("a frozen part keeps its very bits, the rest learns", async () => {
    await using policy = await openTiny({
      learningRateFactors: { text: 1, connector: 0, vision: 0 },
      optimizer: { ...tinyOptions.optimizer, weightDecay: 0.1 },
    });
    const before = policy.learner.weights.slice();
    await policy.update(groups, withKl);
    const layout = new ParameterLayout(policy.model.parameters);
    const changed = layout.specs.filter(
      ({ name }) => !sameBits(layout.view(policy.learner.weights, name), layout.view(before, name)),
    );
    expect(new Set(changed.map(({ group }) => group))).toEqual(new Set(["text"]));
    expect(changed.length).toBeGreaterThan(10);
  });

  test("a gradient that is not finite is refused, and nothing of it remains", async () => {
    await using policy = await openTiny({ microBatchTokens: 200 });
    await using untouched = await openTiny({ microBatchTokens: 200 });
    const { weights, optimizer } = policy.learner;
    const norm = new ParameterLayout(policy.model.parameters).view(weights, "model.text_model.norm.weight");
    const healthy = norm[0] as number;
    norm[0] = Number.NaN;
    const before = weights.slice();
    const numeric = { code: "numeric", message: expect.stringMatching(/step 1.*weights are unchanged/) };
    await expect(policy.update(groups, withKl)).rejects.toMatchObject(numeric);
    await expect(policy.supervise(lesson, { learningRate: 1e-3 })).rejects.toMatchObject(numeric);
    expect(sameBits(weights, before)).toBe(true);
    expect(optimizer.state.firstMoment.every((m) => m === 0)).toBe(true);
    norm[0] = healthy;
    expect(await policy.update(groups, withKl)).toEqual(await untouched.update(groups, withKl));
    expect(sameBits(weights, untouched.learner.weights)).toBe(true);
  });

  test("a cancelled update leaves nothing behind", async () => {
    await using policy = await openTiny({ microBatchTokens: 1 });
    await using untouched = await openTiny({ microBatchTokens: 1 });
    const controller = new AbortController();
    const update = policy.update(groups, withKl, controller.signal);
    setTimeout(() => controller.abort(), 1);
    await expect(update).rejects.toMatchObject({ code: "cancelled" });
    expect(sameBits(policy.learner.weights, untouched.learner.weights)).toBe(true);
    expect(await policy.update(groups, withKl)).toEqual(await untouched.update(groups, withKl));
    expect(sameBits(policy.learner.weights, untouched.learner.weights)).toBe(true);
  });

  test("an update without anything to learn from is refused", async () => {
    await using policy = await openTiny();
    await policy.supervise(lesson, { learningRate: 1e-3 });
    const before = policy.learner.weights.slice();
    await expect(policy.update([], grpo)).rejects.toThrow(/nothing/);
    await expect(policy.supervise([], { learningRate: 1e-3 })).rejects.toThrow(/nothing/);
    expect(sameBits(policy.learner.weights, before)).toBe(true);
  });

  test("a KL term without the reference's log-probabilities is refused", async () => {
    await using policy = await openTiny();
    const [{ prompt, rollouts }] = groups as [TrainingGroup];
    const bare = rollouts.map(({ completion, advantage }) => ({ completion, advantage }));
    await expect(policy.update([{ prompt, rollouts: bare }], withKl)).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/beta/),
    });
  });
});

describe("imitation", () => {
  test("learns a few answers by heart", async () => {
    await using policy = await openTiny();
    const losses: number[] = [];
    for (let step = 0; step < 20; step++)
      losses.push((await policy.supervise(lesson, { learningRate: 3e-3 })).loss);
    expect(losses[0]).toBeGreaterThan(5);
    expect(losses.at(-1)).toBeLessThan(0.5);
    const greedy = { ...sampling, groupSize: 1, temperature: 0 };
    const answers = await policy.sample(
      lesson.map(({ prompt }) => prompt),
      greedy,
    );
    expect(answers.map(([answer]) => answer?.text)).toEqual(lesson.map(({ completion }) => completion));
  });

  test("examples about one image share it; a weight counts an example as often", async () => {
    await using policy = await openTiny();
    const once = await policy.supervise(lesson, { learningRate: 0 });
    const apart = lesson.map(({ prompt, ...rest }, i) => ({
      ...rest,
      prompt: aboutCopies(prompt, () => `copy ${i}`),
    }));
    const separate = await policy.supervise(apart, { learningRate: 0 });
    expect(separate.gradientNorm / once.gradientNorm).toBeCloseTo(1, 5);
    expect(separate.loss).toBeCloseTo(once.loss, 5);
    const [first, ...others] = lesson as [Example, ...Example[]];
    const twice = await policy.supervise([first, first, ...others], { learningRate: 0 });
    const weighted = await policy.supervise([{ ...first, weight: 2 }, ...others], { learningRate: 0 });
    expect(weighted.loss).toBeCloseTo(twice.loss, 5);
    expect(weighted.gradientNorm / twice.gradientNorm).toBeCloseTo(1, 5);
  });
});
