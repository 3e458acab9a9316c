import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RandomStream } from "../../../common/random.ts";
import type { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import type { LearningTask } from "../../../policy/embedded/replica.ts";
import { losses } from "../../../policy/options.ts";
import { DataParallelPolicy, shareOut } from "../../../policy/parallel/data_parallel_policy.ts";
import { openPolicy } from "../../../policy/parallel/open_policy.ts";
import type { TrainingGroup, UpdateOptions } from "../../../policy/port.ts";
import { askedIn } from "../../fakes/prompts.ts";
import {
  grpo,
  openTiny,
  questions,
  relativeError,
  rolloutGroups,
  sampling,
  tinyFolder,
  tinyOptions,
} from "../tiny.ts";

const prompts = questions(7, 3);
const withKl: UpdateOptions = { ...grpo, beta: 0.04 };
const lesson = prompts.map((prompt, i) => ({ prompt, completion: "two dots", weight: 1 + i }));
let groups: TrainingGroup[];

beforeAll(async () => {
  await using policy = await openTiny();
  const sampled = await policy.sample(prompts, sampling);
  const asked = prompts.map((prompt, i) => {
    return { prompt, completions: sampled[i] ?? [] };
  });
  const reference = await policy.score(asked, { weights: "reference", temperature: 1 });
  groups = rolloutGroups(prompts, sampled).map(({ prompt, rollouts }, i) => ({
    prompt,
    // Ragged, so that means over tokens and over rollouts differ between shares.
    rollouts: rollouts.map((rollout, g) => ({
      ...rollout,
      // Only some tokens have an advantage of their own, and so only some shares do.
      advantage: i === 1 ? rollout.completion.logProbs.map((x) => x + g) : rollout.advantage,
      referenceLogProbs: reference[i]?.[g] as Float32Array,
      mask: new Uint8Array(rollout.completion.tokens.length).fill(1, (i * 3) % 11),
    })),
  }));
});

/** Two local replicas, which a test can look into, behind one policy. */
async function openPair(): Promise<{ policy: DataParallelPolicy; replicas: [LocalPolicy, LocalPolicy] }> {
  const replicas: [LocalPolicy, LocalPolicy] = [await openTiny(), await openTiny()];
  return { policy: await DataParallelPolicy.open(replicas.map(async (replica) => replica)), replicas };
}

describe("shares of a step", () => {
  const tasks: readonly (readonly [string, (items: readonly number[]) => LearningTask])[] = [
    ...losses.map((loss) => {
      const options = { ...withKl, loss };
      const task = (items: readonly number[]): LearningTask => ({
        kind: "grpo",
        groups: items.map((i) => groups[i] as TrainingGroup),
        options,
      });
      return [loss, task] as const;
    }),
    ["imitation", (items) => ({ kind: "imitation", examples: items.map((i) => lesson[i] ?? never()) })],
  ];

  test.each(tasks)("%s: the weighted mean of the shares is the whole", async (_, task) => {
    await using policy = await openTiny();
    const differentiate = async (items: readonly number[]) => {
      const gradient = new Float32Array(policy.learner.weights.length);
      return { ...(await policy.differentiate(task(items), gradient)), gradient };
    };
    const whole = await differentiate([0, 1, 2, 3, 4, 5, 6]);
    const shares = [await differentiate([0, 1]), await differentiate([2, 3, 4, 5]), await differentiate([6])];
    policy.learner.join(shares);
    const joined = new Float32Array(whole.gradient.length);
    const loss = policy.learner.take(joined);
    expect(relativeError(joined, whole.gradient)).toBeLessThan(1e-5);
    expect(loss).toBeCloseTo(whole.loss, 5);
    for (const field of ["kl", "clipped", "tokens", "weight"] as const)
      expect(shares.reduce((sum, share) => sum + share[field], 0)).toBeCloseTo(whole[field], 4);
  });
});

describe("two replicas", () => {
  test("sample and score as one policy does", async () => {
    await using one = await openTiny();
    const { policy } = await openPair();
    await policy.prepare(prompts.map((prompt) => askedIn(prompt).image));
    const images = prompts.map((prompt) => askedIn(prompt).image);
    expect(await policy.features(images, { weights: "policy" })).toEqual(
      await one.features(images, { weights: "policy" }),
    );
    const sampled = await policy.sample(prompts, sampling);
    const wanted = await one.sample(prompts, sampling);
    expect(sampled.map((group) => group.map(({ text }) => text))).toEqual(
      wanted.map((group) => group.map(({ text }) => text)),
    );
    const asked = groups.map(({ prompt, rollouts }) => {
      return { prompt, completions: rollouts.map(({ completion }) => completion) };
    });
    const scores = await policy.score(asked, { weights: "policy", temperature: 1 });
    const wantedScores = await one.score(asked, { weights: "policy", temperature: 1 });
    scores.forEach((group, i) => {
      for (const [g, row] of group.entries())
        expect(relativeError(row, wantedScores[i]?.[g] as Float32Array)).toBeLessThan(1e-5);
    });
    await policy[Symbol.asyncDispose]();
  });

  test("learn as one policy does, and stay equal bit for bit", async () => {
    await using one = await openTiny();
    const { policy, replicas } = await openPair();
    for (let step = 1; step <= 3; step++) {
      const { loss, gradientNorm, ...report } = await policy.update(groups, withKl);
      const wanted = await one.update(groups, withKl);
      expect(loss).toBeCloseTo(wanted.loss, 4);
      expect(gradientNorm / wanted.gradientNorm).toBeCloseTo(1, 3);
      expect(report).toMatchObject({ version: step, tokens: wanted.tokens });
    }
    expect(relativeError(replicas[0].learner.weights, one.learner.weights)).toBeLessThan(1e-3);
    await policy.supervise(lesson.slice(0, 1), { learningRate: 1e-3 }); // less than the replicas
    const [first, second] = replicas.map(({ learner }) => learner.weights) as [Float32Array, Float32Array];
    expect(second).toEqual(first);
    expect(await policy.info()).toMatchObject({ version: 4 });
    await policy[Symbol.asyncDispose]();
  });

  test("refuse together what is not finite", async () => {
    const { policy, replicas } = await openPair();
    const before = replicas[0].learner.weights.slice();
    const bad = groups.map((group, i) => ({
      ...group,
      rollouts: group.rollouts.map((rollout) => ({ ...rollout, advantage: i === 6 ? Number.NaN : 1 })),
    }));
    await expect(policy.update(bad, withKl)).rejects.toMatchObject({ code: "numeric" });
    await expect(policy.update([], withKl)).rejects.toThrow(/nothing/);
    for (const { learner } of replicas) expect(learner.weights).toEqual(before);
    expect(await policy.update(groups, withKl)).toMatchObject({ version: 1 });
    await policy[Symbol.asyncDispose]();
  });
});

describe("in threads", () => {
  let policy: Awaited<ReturnType<typeof openPolicy>>;
  beforeAll(async () => {
    policy = await openPolicy(tinyFolder, { ...tinyOptions, threads: 2, replicas: null, name: "pair" });
  });
  afterAll(() => policy[Symbol.asyncDispose]());

  test("a small model gets a replica per thread", () => {
    expect(policy).toBeInstanceOf(DataParallelPolicy);
  });

  test("calls made during an update see its step", async () => {
    const [, during, report] = await Promise.all([
      policy.update(groups, { ...withKl, learningRate: 0.05 }),
      policy.sample(prompts, sampling),
      policy.info(),
    ]);
    expect(report.version).toBe(1);
    const texts = (all: typeof during) => all.map((group) => group.map(({ text }) => text));
    expect(texts(during)).toEqual(texts(await policy.sample(prompts, sampling)));
    await using untouched = await openTiny();
    expect(texts(during)).not.toEqual(texts(await untouched.sample(prompts, sampling)));
  });

  test("a cancelled update changes nothing, and the next is as if it had not been", async () => {
    const { version } = await policy.info();
    const controller = new AbortController();
    const update = policy.update(groups, withKl, controller.signal);
    controller.abort();
    await expect(update).rejects.toMatchObject({ code: "cancelled" });
    expect(await policy.info()).toMatchObject({ version });
    expect(await policy.update(groups, withKl)).toMatchObject({ version: version + 1 });
  });

  test("where one cannot be opened, the error says why", async () => {
    const open = openPolicy("nowhere", { ...tinyOptions, replicas: 2, name: "lost" });
    await expect(open).rejects.toMatchObject({ code: "model", message: expect.stringMatching(/nowhere/) });
  });
});

test.each([
  { images: "aabbccdd", count: 2, shares: ["aabb", "ccdd"] },
  { images: "aaabbbcc", count: 2, shares: ["aaa", "bbbcc"] },
  { images: "aaaaaaaa", count: 2, shares: ["aaaa", "aaaa"] },
  { images: "abcdefg", count: 3, shares: ["ab", "cde", "fg"] },
  { images: "ab", count: 4, shares: ["a", "b"] },
  { images: "a", count: 4, shares: ["a"] },
  { images: "", count: 4, shares: [] },
])("$images over $count replicas", ({ images, count, shares }) => {
  const shared = shareOut([...images], count, (image) => image);
  expect(shared.map(({ items }) => items.join(""))).toEqual(shares);
  for (const { start, items } of shared)
    expect(images.slice(start, start + items.length)).toBe(items.join(""));
});

test("shares hold every item once, in order", () => {
  const stream = new RandomStream(5);
  for (let trial = 0; trial < 300; trial++) {
    const items = Array.from({ length: stream.integer(120) }, (_, i) => ({ i, image: "" }));
    for (const [i, item] of items.entries())
      item.image = i > 0 && stream.uniform() < 0.6 ? (items[i - 1]?.image as string) : `${i}`;
    const count = 1 + stream.integer(8);
    const shares = shareOut(items, count, ({ image }) => image);
    expect(shares.flatMap(({ items: own }) => own)).toEqual(items);
    for (const share of shares) {
      expect(share.items[0]).toBe(items[share.start]);
      expect(share.items.length).toBeLessThanOrEqual(Math.ceil((items.length / count) * 1.5) + 1);
    }
  }
});

function never(): never {
  throw new Error("a task of more items than there are");
}
