import { describe, expect, it, test } from "vitest";
import { Alarms } from "../../../arena/alarms.ts";
import { cellFeatures } from "../../../arena/looking/cell_readout.ts";
import { EncoderProbe } from "../../../arena/looking/encoder.ts";
import { meanFeatures, selfFound } from "../../../arena/looking/neighbours.ts";
import { fitRidge, readOut } from "../../../arena/looking/ridge.ts";
import type { Tests } from "../../../arena/ports.ts";
import { sceneTests } from "../../../arena/scene_tests.ts";
import { RandomStream } from "../../../common/random.ts";
import type { RgbImage } from "../../../images/image.ts";
import { SceneSource } from "../../../images/scenes/source.ts";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import type { ImageFeatures, Policy, WeightSet } from "../../../policy/port.ts";
import { promptAbout } from "../../../policy/prompts.ts";
import { configOf } from "../../fakes/config.ts";
import { FakePolicy } from "../../fakes/policy.ts";
import { evaluationReport } from "../../fakes/run_events.ts";
import { VirtualTime } from "../../fakes/virtual_time.ts";

const stream = new RandomStream(9);
const randomRow = (size: number) => Float64Array.from({ length: size }, () => stream.normal());

describe("ridge regression", () => {
  const features = Array.from({ length: 60 }, () => randomRow(7));

  it("finds a linear map, its offset included", () => {
    const map = Array.from({ length: 7 }, () => randomRow(3));
    const targets = features.map((x) =>
      Float64Array.from(
        { length: 3 },
        (_, k) => 2 * k + map.reduce((sum, row, i) => sum + (x[i] as number) * (row[k] as number), 0),
      ),
    );
    const readout = fitRidge(features, targets);
    for (const [n, x] of features.entries())
      for (const [k, score] of readOut(readout, x).entries())
        expect(score).toBeCloseTo(targets[n]?.[k] as number, 1);
  });

  it("solves its normal equations: the error's correlation with a feature is what shrinks its weight", () => {
    const targets = features.map(() => randomRow(2));
    const readout = fitRidge(features, targets);
    const errors = features.map((x, n) =>
      readOut(readout, x).map((score, k) => score - (targets[n]?.[k] as number)),
    );
    const trace = features.reduce((sum, x) => sum + x.reduce((own, value) => own + value * value, 0), 0);
    for (let k = 0; k < 2; k++) {
      for (let i = 0; i < 7; i++) {
        const correlation = features.reduce(
          (sum, x, n) => sum + (x[i] as number) * (errors[n]?.[k] as number),
          0,
        );
        expect(correlation).toBeCloseTo(((-1e-3 * trace) / 7) * (readout.weights[i * 2 + k] as number), 8);
      }
      expect(errors.reduce((sum, error) => sum + (error[k] as number), 0)).toBeCloseTo(0, 8);
    }
  });

  it("copes with features that say the same", () => {
    const twice = features.map((x) => Float64Array.of(...x, ...x));
    const readout = fitRidge(
      twice,
      features.map((x) => x.slice(0, 1)),
    );
    expect(readOut(readout, twice[5] as Float64Array)[0]).toBeCloseTo(features[5]?.[0] as number, 1);
    expect(() => fitRidge([], [])).toThrow(RangeError);
  });
});

describe("features of cells", () => {
  const grid = (rows: number, tiles = 1): ImageFeatures => ({
    ...{ tiles, rows, width: 2 },
    data: Float32Array.from({ length: tiles * rows * 2 }, (_, i) => i),
  });

  it("are the rows of a 4 by 4 grid, and means over a finer one", () => {
    expect(cellFeatures(grid(16))?.map((own) => [...own])).toEqual(
      Array.from({ length: 16 }, (_, i) => [2 * i, 2 * i + 1]),
    );
    // Rows 0, 1, 8 and 9 of 8 by 8.
    expect(cellFeatures(grid(64))?.[0]).toEqual(Float64Array.of(9, 10));
    expect(cellFeatures(grid(64))?.[15]).toEqual(Float64Array.of(117, 118));
  });

  it.each([grid(15), grid(36), grid(16, 2)])("are none where rows are no such grid", (features) => {
    expect(cellFeatures(features)).toBeNull();
  });
});

describe("pictures find themselves", () => {
  test("where their view is nearest to them, and not where another is as near", () => {
    const images = Array.from({ length: 30 }, () => randomRow(8));
    const near = images.map((image) => image.map((value) => value + 0.1 * stream.normal()));
    expect(selfFound(images, near)).toEqual(images.map(() => true));
    const shifted = [...near.slice(1), near[0] as Float64Array];
    expect(selfFound(images, shifted)).toEqual(images.map(() => false));
    const same = images.map(() => Float64Array.from({ length: 8 }, () => 1));
    expect(selfFound(same, same)).toEqual(images.map(() => false));
    expect(selfFound([], [])).toEqual([]);
  });

  test("as means of their rows", () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 12);
    expect(meanFeatures({ tiles: 1, rows: 3, width: 2, data })).toEqual(Float64Array.of(3, 6));
  });
});

/** Sees the pixels of each cell, a quarter of them; what it learnt is that `noise` is added to them. */
class PixelPolicy extends FakePolicy {
  noise = 0;
  trains = true;
  readonly asked: WeightSet[] = [];

  constructor() {
    super({ script: () => "", time: new VirtualTime() });
  }

  override async info() {
    return { ...(await super.info()), trainsImages: this.trains };
  }

  override async features(
    images: readonly RgbImage[],
    { weights }: { readonly weights: WeightSet } = { weights: "policy" },
  ): Promise<ImageFeatures[]> {
    this.asked.push(weights);
    const amplitude = weights === "policy" ? this.noise : 0;
    return images.map(({ data }) => {
      const noise = new RandomStream(data[0] as number);
      const features = new Float32Array(16 * 192);
      for (let cell = 0; cell < 16; cell++)
        for (let i = 0; i < 192; i++) {
          const [pixel, channel] = [Math.floor(i / 3), i % 3];
          const x = (cell % 4) * 16 + (pixel % 8) * 2;
          const y = Math.floor(cell / 4) * 16 + Math.floor(pixel / 8) * 2;
          features[cell * 192 + i] =
            (data[3 * (64 * y + x) + channel] as number) / 255 + amplitude * noise.normal();
        }
      return { tiles: 1, rows: 16, width: 192, data: features };
    });
  }
}

const config = configOf({ evaluation: { questions: 70, scenes: 60, encoder: { pictures: 80 } } }).evaluation;
const tests = sceneTests(config) as Tests;
const { signal } = new AbortController();
const whole = () => null;

describe("the probe of an image encoder", () => {
  it("on scenes, is a read-out of the base, which an encoder that grew worse falls below", async () => {
    const probe = new EncoderProbe(config, tests);
    const policy = new PixelPolicy();
    const before = await probe.measure(policy, whole, signal);
    expect(before.encoder).toEqual(before.encoderBase);
    expect(before.encoder?.percent).toBeGreaterThan(70);
    expect(before.encoderFall?.percent).toBeCloseTo(0);
    policy.noise = 0.2;
    const worse = await probe.measure(policy, whole, signal);
    policy.noise = 0.5;
    const worst = await probe.measure(policy, whole, signal);
    expect(worse.encoderBase).toEqual(before.encoderBase);
    expect(worse.encoderFall?.low).toBeGreaterThan(0);
    expect(worst.encoder?.percent).toBeLessThan(worse.encoder?.percent as number);
    expect(worst.encoderFall?.percent).toBeCloseTo(
      (before.encoder?.percent as number) - (worst.encoder?.percent as number),
    );
    // The base is encoded once: 240 scenes that are fitted, 80 that are probed, 16 at once.
    expect(policy.asked.filter((weights) => weights === "reference")).toHaveLength(15 + 5);
  });

  it("gives the same to a run that goes on, whose probe is made anew", async () => {
    const policy = new PixelPolicy();
    policy.noise = 0.2;
    const first = await new EncoderProbe(config, tests).measure(policy, whole, signal);
    expect(await new EncoderProbe(config, tests).measure(policy, whole, signal)).toEqual(first);
  });

  it("costs nothing where the encoder does not learn, or no pictures are wanted", async () => {
    const policy = new PixelPolicy();
    policy.trains = false;
    expect(await new EncoderProbe(config, tests).measure(policy, whole, signal)).toEqual({});
    policy.trains = true;
    const none = { ...config, encoder: { pictures: 0 } };
    expect(await new EncoderProbe(none, tests).measure(policy, whole, signal)).toEqual({});
    expect(policy.asked).toEqual([]);
  });

  it("of pictures of which nothing is known, is whether they find themselves", async () => {
    const photographs = { ...config, data: "photographs.jsonl" };
    const probe = new EncoderProbe(photographs, tests);
    const policy = new PixelPolicy();
    const before = await probe.measure(policy, whole, signal);
    expect(before.encoder?.percent).toBeGreaterThan(30);
    policy.noise = 3;
    const after = await probe.measure(policy, whole, signal);
    expect(after.encoderBase).toEqual(before.encoderBase);
    expect(after.encoderFall?.low).toBeGreaterThan(0);
  });

  it("raises an alarm that names the settings, once the fall is sure and large enough", () => {
    const estimate = (percent: number, low = percent - 1) => ({ percent, low, high: percent + 1 });
    const raised = (fall: ReturnType<typeof estimate>) => {
      const looking = { encoder: estimate(90), encoderBase: estimate(95), encoderFall: fall };
      const report = evaluationReport({ looking });
      return new Alarms(configOf().alarms).after([
        { type: "evaluated", round: 2, phase: "evaluation", report },
      ]);
    };
    expect(raised(estimate(5, -0.5))).toEqual([]);
    expect(raised(estimate(1.9))).toEqual([]);
    const [alarm] = raised(estimate(5));
    expect(alarm).toMatchObject({ name: "encoder", round: 2, value: 0.9 });
    expect(alarm?.threshold).toBeCloseTo(0.93);
    expect(alarm?.message).toMatch(/90.0%, 95.0% at the base.*optimizer.visionLearningRateFactor.*0 freezes/);
  });

  it("sees how the embedded model's encoder is ruined by too high a rate", { timeout: 120_000 }, async () => {
    await using policy: Policy = await LocalPolicy.open("models/tiny", {
      threads: 1,
      optimizer: { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1 },
      learningRateFactors: { text: 1, connector: 1, vision: 1 },
      microBatchTokens: 4096,
    });
    const probe = new EncoderProbe({ ...config, encoder: { pictures: 40 } }, tests);
    const before = await probe.measure(policy, whole, signal);
    expect(before.encoder?.percent).toBeGreaterThan(90);
    const scenes = new SceneSource({ domain: "target", count: 8, seed: 1 });
    const images = await Promise.all([...Array(8).keys()].map((i) => scenes.draw(i)));
    const examples = images.map((image) => ({ prompt: promptAbout(image, "describe ."), completion: "yes" }));
    for (let step = 0; step < 4; step++) await policy.supervise(examples, { learningRate: 0.01 });
    const after = await probe.measure(policy, whole, signal);
    expect(after.encoderBase).toEqual(before.encoderBase);
    expect(after.encoderFall?.low).toBeGreaterThan(2);
  });
});
