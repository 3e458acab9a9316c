import { describe, expect, it } from "vitest";
import { imageOf } from "../../images/image.ts";
import type { FinishReason, Prompt } from "../../policy/port.ts";
import { promptAbout, textOf } from "../../policy/prompts.ts";
import { sampleTeaching } from "../../training/dynamic_sampling.ts";
import { grpo, type LessonOptions, type Rollout } from "../../training/grpo.ts";

const image = imageOf(1, 1, new Uint8Array(3));
const options: LessonOptions = { advantageScale: "group", positiveWeight: 0, maskTruncated: true };

function rollout(reward: number | null, finishReason: FinishReason = "stop", positive = false): Rollout {
  const completion = { tokens: Int32Array.of(1), logProbs: new Float32Array(1), text: "", finishReason };
  return { completion, reward, positive, reference: null };
}

const group = (text: string, ...rollouts: Rollout[]) => ({ prompt: promptAbout(image, text), rollouts });
const varied = (text: string) => group(text, rollout(0), rollout(1));
const equal = (text: string) => group(text, rollout(1), rollout(1));

/** Gives the groups of each call in turn, and notes how many were missing. */
function source(...calls: ReturnType<typeof group>[][]) {
  const missing: number[] = [];
  const next = async (count: number) => {
    missing.push(count);
    return calls[missing.length - 1] ?? [];
  };
  return { next, missing };
}

const texts = (groups: readonly { readonly prompt: Prompt }[]) => groups.map(({ prompt }) => textOf(prompt));

describe("groups that teach nothing are replaced", () => {
  it("by as many new ones as are missing, until enough teach", async () => {
    const { next, missing } = source(
      [varied("a"), equal("b"), equal("c")],
      [equal("d"), varied("e")],
      [varied("f")],
    );
    const sampled = await sampleTeaching(next, 3, 10, options);
    expect(missing).toEqual([3, 2, 1]);
    expect(texts(sampled.groups)).toEqual(["a", "e", "f"]);
    expect(texts(sampled.replaced)).toEqual(["b", "c", "d"]);
    expect(sampled.calls).toBe(3);
  });

  it("up to a limit, and only while there are more", async () => {
    const endless = source([equal("a")], [equal("b")], [equal("c")]);
    const limited = await sampleTeaching(endless.next, 1, 2, options);
    expect(limited).toMatchObject({ groups: [], calls: 2 });
    expect(texts(limited.replaced)).toEqual(["a", "b"]);
    const short = await sampleTeaching(source([varied("a")]).next, 2, 9, options);
    expect(texts(short.groups)).toEqual(["a"]);
    expect(short.calls).toBe(2);
  });

  it("and what is more than wanted is left out", async () => {
    const sampled = await sampleTeaching(source([varied("a"), varied("b"), equal("c")]).next, 1, 9, options);
    expect(texts(sampled.groups)).toEqual(["a"]);
    expect(texts(sampled.replaced)).toEqual(["c"]);
  });
});

describe("what teaches is what an update learns from", () => {
  const cases = {
    "nobody judged": group("", rollout(null), rollout(null)),
    "one judged": group("", rollout(1), rollout(null)),
    "only what was cut off differs": group("", rollout(0, "length"), rollout(1, "length"), rollout(0.5)),
    "one was cut off": group("", rollout(0, "length"), rollout(1)),
    equal: equal(""),
    "equal, one to imitate": group("", rollout(1, "stop", true), rollout(1)),
    "equal, one to imitate that was cut off": group("", rollout(1, "length", true), rollout(1)),
    varied: varied(""),
  };
  const settings = [true, false].flatMap((maskTruncated) =>
    [0, 0.5].map((positiveWeight) => ({ ...options, maskTruncated, positiveWeight })),
  );
  it.each(Object.entries(cases))("%s", async (_, each) => {
    for (const lesson of settings) {
      const { groups } = await sampleTeaching(source([each]).next, 1, 1, lesson);
      const policy = { update: async () => ({ version: 1 }) } as never;
      const rest = { loss: "dapo", clipLow: null, clipHigh: null, importanceCap: null } as const;
      const update = { ...rest, ...lesson, beta: 0, temperature: 1, maxTokens: 8, learningRate: 0.1 };
      const { droppedGroups } = await grpo(policy, { score: async () => [] }, [each], update);
      expect(groups.length).toBe(1 - droppedGroups);
    }
  });
});
