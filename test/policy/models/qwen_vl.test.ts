import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { imageOf } from "../../../images/image.ts";
import { LocalPolicy, type LocalPolicyOptions } from "../../../policy/embedded/local_policy.ts";
import type { Completion, Prompt, TrainingGroup, UpdateOptions } from "../../../policy/port.ts";
import { promptAbout } from "../../../policy/prompts.ts";
import { ParameterLayout, type Range } from "../../../policy/weights/parameters.ts";
import { aboutCopies, askedIn } from "../../fakes/prompts.ts";
import { expectClose } from "../../parity/closeness.ts";
import { referencePath } from "../../reference_dir.ts";
import { type Derivative, Gradients } from "../gradients.ts";
import { copyTiny, grpo, relativeError, rolloutGroups, sampling, tinyOptions } from "../tiny.ts";

/** Wide and high images of several grids, two of them of one and two of another turned by 90°. */
const prompts: Prompt[] = [
  [150, 60],
  [60, 60],
  [152, 58],
  [58, 150],
  [1, 1],
  [140, 110],
].map(([width = 0, height = 0], k) =>
  promptAbout(
    imageOf(
      width,
      height,
      Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * (k + 3) + (i % 7) * 31 * k) % 256),
    ),
    `${"Look closely. ".repeat(k % 3)}How many dots, ${k}?`,
  ),
);

/** Each family with the grids of the prompts' images, in patches. */
const families: [string, grids: [height: number, width: number][]][] = [
  [
    "qwen2_5_vl-tiny",
    [
      [4, 10],
      [4, 4],
      [4, 10],
      [10, 4],
      [4, 4],
      [8, 10],
    ],
  ],
  [
    "qwen3_vl-tiny",
    [
      [6, 14],
      [8, 8],
      [6, 14],
      [14, 6],
      [4, 4],
      [8, 10],
    ],
  ],
];

describe.each(families)("%s", (name, grids) => {
  const folder = referencePath(name);
  const open = (options: Partial<LocalPolicyOptions> = {}): Promise<LocalPolicy> =>
    LocalPolicy.open(folder, { ...tinyOptions, ...options });

  let policy: LocalPolicy;
  let sampled: Completion[][];

  beforeAll(async () => {
    policy = await open();
    sampled = await policy.sample(prompts, sampling);
    return () => policy[Symbol.asyncDispose]();
  });

  const asked = () => prompts.map((prompt, i) => ({ prompt, completions: sampled[i] ?? [] }));

  test("images of different grids are sampled and scored together as they are alone", async () => {
    const shapes = prompts.map((prompt) => policy.encoder.prepare(askedIn(prompt).image).shape);
    expect(shapes.map(({ height, width }) => [height, width])).toEqual(grids);
    const options = { weights: "policy", temperature: 1 } as const;
    const together = await policy.score(asked(), options);
    for (const [i, group] of sampled.entries()) {
      const [alone] = await policy.score(asked().slice(i, i + 1), options);
      group.forEach(({ logProbs }, g) => {
        expectClose(together[i]?.[g], logProbs, 1e-4);
        expectClose(alone?.[g], together[i]?.[g] as Float32Array, 2e-5);
      });
    }
    const greedy = { ...sampling, temperature: 0, groupSize: 1 };
    const all = await policy.sample(prompts, greedy);
    for (const [i, prompt] of prompts.entries())
      expect((await policy.sample([prompt], greedy))[0]?.[0]?.tokens).toEqual(all[i]?.[0]?.tokens);
  });

  test("a sequence has its images where they begin", () => {
    const shape = { tiles: 1, height: 2, width: 4 };
    const { axes, next } = policy.model.positions(4, [{ shape, start: 1 }], 10);
    expect(axes.map((axis) => Array.from(axis))).toEqual([
      [10, 11, 11, 13],
      [10, 11, 11, 13],
      [10, 11, 12, 13],
    ]);
    expect(next).toBe(14);
    expect(() => policy.model.positions(4, [{ shape, start: 4 }], 0)).toThrow(RangeError);
  });

  test("questions about one image share it and give what an image for each gives", async () => {
    const { image } = askedIn(prompts[5] as Prompt);
    const questions = Array.from({ length: 5 }, (_, i) =>
      promptAbout(image, `${"So, ".repeat(i)}what is it?`),
    );
    const apart = questions.map((prompt, i) => aboutCopies(prompt, () => `copy ${i}`));
    const wanted = await policy.sample(apart, sampling);
    (await policy.sample(questions, sampling)).forEach((group, i) => {
      group.forEach(({ tokens, logProbs }, g) => {
        expect(tokens).toEqual(wanted[i]?.[g]?.tokens);
        expectClose(logProbs, wanted[i]?.[g]?.logProbs as Float32Array, 2e-5);
      });
    });
  });

  describe("gradients", () => {
    const withKl: UpdateOptions = { ...grpo, beta: 0.04 };

    /** Off-policy rollouts, so that some ratios are clipped. */
    const groups = (): TrainingGroup[] =>
      rolloutGroups(prompts, sampled).map(({ prompt, rollouts }) => ({
        prompt,
        rollouts: rollouts.map(({ completion: { tokens, logProbs }, advantage }, b) => ({
          completion: { tokens, logProbs: logProbs.map((x, t) => x + 0.4 * Math.sin(t + b)) },
          referenceLogProbs: logProbs.map((x, t) => x + 0.2 * Math.cos(t - b)),
          advantage,
        })),
      }));

    const gradients = new Gradients(folder);
    afterAll(() => gradients[Symbol.asyncDispose]());

    const differentiate = (
      all: readonly TrainingGroup[],
      options: Partial<LocalPolicyOptions> = {},
    ): Promise<Derivative> => gradients.of(all, withKl, options);

    test("of shared prompts and images are those of every rollout by itself, in any micro-batches", async () => {
      const repeated = groups().flatMap(({ prompt, rollouts }) =>
        rollouts.map((rollout, b) => {
          return { prompt: aboutCopies(prompt, ({ id }) => `${id} ${b}`), rollouts: [rollout] };
        }),
      );
      const shared = await differentiate(groups());
      expect(shared.report.clipFraction).toBeGreaterThan(0.05);
      for (const other of [
        await differentiate(repeated),
        await differentiate(groups(), { microBatchTokens: 1 }),
        await differentiate(groups(), { recomputes: true }),
      ]) {
        expect(relativeError(shared.gradient, other.gradient)).toBeLessThan(1e-5);
        expect(shared.report.loss).toBeCloseTo(other.report.loss, 5);
        expect(shared.report.kl).toBeCloseTo(other.report.kl, 5);
      }
    });

    test("of the text model are the same where its images' rows come ready-made", async () => {
      const whole = await differentiate(groups());
      const factors = { text: 1, connector: 0, vision: 0 };
      const frozen = await differentiate(groups(), { learningRateFactors: factors });
      const { start, end } = new ParameterLayout(policy.model.parameters).groups.get("text") as Range;
      expect(frozen.gradient.length).toBe(end - start);
      expect(relativeError(frozen.gradient, whole.gradient.subarray(start, end))).toBeLessThan(1e-5);
    });

    test("reach all parameters; a frozen part keeps its very bits", async () => {
      for (const [frozen, group] of [
        [{ text: 1, connector: 1, vision: 1 }, null],
        [{ text: 1, connector: 1, vision: 0 }, "vision"],
      ] as const) {
        await using fresh = await open({ learningRateFactors: frozen });
        const before = fresh.learner.weights.slice();
        await fresh.update(groups(), withKl);
        const layout = new ParameterLayout(fresh.model.parameters);
        for (const spec of layout.specs) {
          const [now, then] = [fresh.learner.weights, before].map((flat) => layout.view(flat, spec.name));
          expect(`${now}` === `${then}`, spec.name).toBe(spec.group === group);
        }
      }
    });
  });

  describe("folders", () => {
    test("what is saved opens again, samples alike and goes on alike", async () => {
      await using target = await copyTiny();
      const saved = join(target.folder, "saved");
      await using trained = await open();
      await trained.update(rolloutGroups(prompts, sampled), grpo);
      await trained.saveState(saved);
      await using opened = await LocalPolicy.open(saved, tinyOptions);
      expect(opened.learner.weights).toEqual(trained.learner.weights);
      expect(await opened.sample(prompts, sampling)).toEqual(await trained.sample(prompts, sampling));
      await opened.loadState(saved);
      const reports = [opened, trained].map((p) => p.update(rolloutGroups(prompts, sampled), grpo));
      expect(await reports[0]).toEqual(await reports[1]);
      expect(opened.learner.weights).toEqual(trained.learner.weights);
    });

    test("an image that does not fit is refused, and the others still go", async () => {
      const narrow = promptAbout(imageOf(20_000, 3, new Uint8Array(180_000)), "What?");
      await expect(policy.sample([narrow], sampling)).rejects.toMatchObject({ code: "images" });
      expect(await policy.sample(prompts, sampling)).toEqual(sampled);
    });
  });
});
