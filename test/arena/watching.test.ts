import { describe, expect, it } from "vitest";
import type { EnvironmentStage } from "../../arena/config/stages.ts";
import { agreementOf, openNovelty, type Watching, watchTurns } from "../../arena/watching.ts";
import { imageOf } from "../../images/image.ts";
import type { Completion, ImageFeatures, Policy } from "../../policy/port.ts";
import type { Environment } from "../../training/environment.ts";
import type { SampleTurn } from "../../training/rollout.ts";
import { cliff } from "../fakes/cliff.ts";
import { configOf } from "../fakes/config.ts";

const describing = (seen: string): string => `<think> ${seen} </think> <answer> walk </answer>`;

describe("agreement", () => {
  it("is the share of words that descriptions have in common, whatever is answered", () => {
    expect(agreementOf([describing("light red"), describing("light red").replace("walk", "stop")])).toBe(1);
    expect(agreementOf([describing("light red"), describing("light green")])).toBeCloseTo(1 / 3, 12);
    const three = [describing("light red"), describing("light red"), describing("light green")];
    expect(agreementOf(three)).toBeCloseTo((1 + 2 / 3) / 3, 12);
    expect(agreementOf(["walk", "stop"])).toBe(1);
  });
});

/** Pictures whose features are their first value. */
const seeing = {
  features: async (images: readonly { readonly data: Uint8Array }[]): Promise<ImageFeatures[]> =>
    images.map(({ data }) => ({ tiles: 1, rows: 1, width: 1, data: Float32Array.of(data[0] ?? 0) })),
} as unknown as Policy;

const picture = (value: number) => imageOf(1, 1, Uint8Array.of(value, 0, 0));

/** Tasks whose pictures have the values 0 to 99. */
const hundred: Environment = {
  ...cliff(100),
  async reset(task) {
    const turns = [{ role: "user", parts: [picture(task)] } as const];
    return { turns, state: null, name: "", question: "", label: null, file: null };
  },
};

function watchingOf(safety: object, look: SampleTurn = async () => []): Watching {
  const [stage] = configOf({ stages: [{ kind: "environment", safety }] }).stages as [EnvironmentStage];
  let now = 0;
  return {
    safety: stage.safety,
    // Each look at it takes ten milliseconds.
    clock: { now: () => (now += 10) },
    ...{ look, fit: () => null, seed: 1, signal: new AbortController().signal },
  };
}

const asked = [picture(7), picture(250)].map((image, task) => ({
  ...{ task, state: null },
  prompt: { turns: [{ role: "user", parts: [image, "walk"] } as const] },
}));

const completion = (text: string, tokens: number): Completion => ({
  ...{ text, tokens: new Int32Array(tokens), logProbs: new Float32Array(tokens), finishReason: "stop" },
});

describe("novelty", () => {
  it("flags what is further from pictures of training than others of them are, and hardly any of these", async () => {
    const isUnlike = await openNovelty(seeing, hundred, watchingOf({ calibration: 40, usual: 0.95 }));
    expect(await isUnlike([picture(7), picture(50), picture(110), picture(250)])).toEqual([
      ...[false, false],
      ...[true, true],
    ]);
    const flagged = await isUnlike(Array.from({ length: 100 }, (_, value) => picture(value)));
    expect(flagged.filter(Boolean).length).toBeLessThanOrEqual(10);
  });
});

describe("decisions", () => {
  const group = [completion(describing("light red"), 10), completion(describing("light green"), 5)];
  const sample: SampleTurn = async (some) => some.map(() => group);

  it("are as they were where nothing is to be kept", async () => {
    const { constraints: _, ...free } = cliff(4);
    expect(await watchTurns(sample, seeing, free, watchingOf({}))).toBe(sample);
  });

  it("say how long each took, how far a group agrees, and whether their pictures are unlike", async () => {
    const safety = { agreement: 0.5, novelty: "count", calibration: 40 };
    const turns = await watchTurns(sample, seeing, hundred, watchingOf(safety));
    const [first, second] = await turns(asked, 2, 0);
    const agreement = expect.closeTo(1 / 3, 9);
    expect(first?.map(({ watched }) => watched)).toEqual([
      { latencyMs: 10, agreement, unlike: false },
      { latencyMs: 5, agreement, unlike: false },
    ]);
    expect(second?.map(({ watched }) => watched?.unlike)).toEqual([true, true]);
  });

  it("that stand alone are compared with samples about the same picture", async () => {
    const looks: number[] = [];
    const look: SampleTurn = async (some, count) => {
      looks.push(count);
      return some.map(() => group);
    };
    const single: SampleTurn = async (some) => some.map(() => group.slice(0, 1));
    const turns = await watchTurns(single, seeing, hundred, watchingOf({ agreement: 0.5, looks: 2 }, look));
    const [first] = await turns(asked, 1, 3);
    expect(first?.map(({ watched }) => watched?.agreement)).toEqual([expect.closeTo(1 / 3, 9)]);
    expect(looks).toEqual([2]);
  });
});
