import { describe, expect, it, test } from "vitest";
import { Answerer } from "../../../arena/answerer.ts";
import { type PresenceOptions, presenceProbes } from "../../../arena/looking/absent.ts";
import { type AnsweredProbe, hallucination, presenceFigures } from "../../../arena/looking/hallucination.ts";
import { listedThings, thingsIn } from "../../../arena/looking/listed_things.ts";
import type { KnownPictures, Tests } from "../../../arena/ports.ts";
import { sceneTests } from "../../../arena/scene_tests.ts";
import { imageOf, type RgbImage } from "../../../images/image.ts";
import { nameable } from "../../../images/scenes/vocabulary.ts";
import { configOf } from "../../fakes/config.ts";
import { FakePolicy, type Script } from "../../fakes/policy.ts";
import { VirtualTime } from "../../fakes/virtual_time.ts";

const config = configOf({
  evaluation: {
    scenes: 40,
    questions: 7,
    questionsPerChunk: 11,
    hallucination: { pictures: 30, prompt: "describe ." },
  },
});
const { known } = sceneTests(config.evaluation) as Tests & { readonly known: KnownPictures };

async function measure(script: Script, pictures: KnownPictures = known) {
  const time = new VirtualTime();
  const policy = new FakePolicy({ script, time });
  const reasoner = new Answerer(policy, { reasoner: "{question}", format: "tags" }, null);
  const beat = setInterval(() => void time.run(), 1);
  const signal = new AbortController().signal;
  const figures = await hallucination({ policy, reasoner }, pictures, config, () => null, signal).finally(
    () => clearInterval(beat),
  );
  return { figures, policy };
}

/** Who sees what scenes show: their descriptions by their images. */
async function sight(pictures: KnownPictures): Promise<(image: RgbImage) => string> {
  const images = await pictures.read(0, pictures.descriptions.length, () => null);
  const seen = new Map([...images].map(([i, { id }]) => [id, pictures.descriptions[i] as string]));
  return ({ id }) => seen.get(id) ?? "";
}

describe("what is made up", () => {
  it("is nothing by who sees: no thing that is not there, and none that is left out", async () => {
    const see = await sight(known);
    const { figures } = await measure(({ image, text }) => {
      const there = see(image);
      if (text === "describe .") return there;
      const thing = /is there a (.+) \?/.exec(text)?.[1] as string;
      return `<answer> ${there.includes(thing) ? "yes" : "no"} </answer>`;
    });
    expect(figures).toMatchObject({
      popeRandom: { percent: 100 },
      popeFrequentF1: { percent: 100 },
      popeAdversarial: { percent: 100 },
      popeAdversarialYes: { percent: 50 },
      chairThings: { percent: 0 },
      chairDescriptions: { percent: 0 },
      chairRecall: { percent: 100 },
      described: { percent: 100 },
    });
  });

  it("is half by who always says yes, and all of one description in three that says more", async () => {
    const see = await sight(known);
    let described = 0;
    const { figures } = await measure(({ image, text }) => {
      if (text !== "describe .") return "<answer> yes </answer>";
      const there = see(image);
      // At a place of no scene, so that it is certainly not there.
      return described++ % 3 === 0 ? there.replace("<think>", "<think> purple cross") : there;
    });
    for (const way of ["popeRandom", "popeFrequent", "popeAdversarial"] as const) {
      expect(figures[way]?.percent).toBe(50);
      expect(figures[`${way}Yes`]?.percent).toBe(100);
      expect(figures[`${way}F1`]?.percent).toBeCloseTo(200 / 3);
    }
    expect(figures.chairDescriptions?.percent).toBeGreaterThan(25);
    expect(figures.chairDescriptions?.percent).toBeLessThanOrEqual(100 / 3);
    expect(figures.chairThings?.percent).toBeGreaterThan(3);
    expect(figures.chairThings?.percent).toBeLessThan(12);
    expect(figures.chairRecall?.percent).toBe(100);
  });

  it("cannot be said of who describes nothing", async () => {
    const { figures, policy } = await measure(() => "what ?");
    expect(figures).toMatchObject({ described: { percent: 0 }, chairThings: { low: 0, high: 100 } });
    expect(figures).toMatchObject({ popeRandom: { percent: 0 }, popeRandomYes: { percent: 0 } });
    // Questions and descriptions of 11, 11 and 8 pictures.
    expect(policy.calls.map(({ size }) => size).filter((_, i) => i % 2 === 1)).toEqual([11, 11, 8]);
  });

  it("is found by lists of what photographs show, too; those that cannot be read are left out", async () => {
    const lists = [["cat", "dining table"], ["dog", "bus"], ["wine glass"]];
    const images = lists.map((_, i) => imageOf(2, 2, new Uint8Array(12).fill(i)));
    const pictures: KnownPictures = {
      ...listedThings(lists),
      async read(start, end) {
        const own = images.slice(start, end).map((image, i) => [start + i, image] as const);
        return new Map(own.filter(([i]) => i !== 2));
      },
    };
    expect(pictures.askFor("bus")).toBe("Is there a bus in the image?");
    expect(pictures.askFor("umbrella")).toBe("Is there an umbrella in the image?");
    const said = ["Two cats under a table, no dog, and a bus.", "A dog in front of buses"];
    const { figures } = await measure(
      ({ image, text }) =>
        text.startsWith("Is there") ? "<answer> No. </answer>" : (said[images.indexOf(image)] ?? ""),
      pictures,
    );
    // Cat, table (which is no dining table) and bus; dog and bus.
    expect(figures.chairThings?.percent).toBeCloseTo(100 / 4);
    expect(figures.chairRecall?.percent).toBeCloseTo(300 / 4);
    expect(figures.popeRandom?.percent).toBe(50);
    expect(figures.popeRandomF1?.percent).toBe(0);
  });
});

describe("what pictures are asked about", () => {
  const options: PresenceOptions = {
    shown: [["a", "b"], ["a", "b"], ["a", "c"], ["c", "d"], ["e"], []],
    things: ["a", "b", "c", "d", "e", "f"],
    perPicture: 2,
    seed: 5,
  };

  test("is there, or surely not, as often; the same each time", () => {
    for (let seed = 0; seed < 30; seed++) {
      const probes = presenceProbes(6, { ...options, seed });
      expect(presenceProbes(6, { ...options, seed })).toEqual(probes);
      for (const [picture, there] of options.shown.entries()) {
        const own = probes.filter((probe) => probe.picture === picture);
        expect(new Set(own.map(({ thing }) => thing)).size).toBe(own.length);
        for (const { thing, absent } of own) expect(there.includes(thing)).toBe(absent === null);
        const present = own.filter(({ absent }) => absent === null).length;
        for (const way of ["random", "frequent", "adversarial"] as const)
          expect(own.filter(({ absent }) => absent?.includes(way))).toHaveLength(Math.min(2, present));
        expect(present).toBe(Math.min(2, there.length));
      }
    }
  });

  test("of what is not there, is what most pictures show, or what is shown with what is there", () => {
    const chosen = (picture: number, way: "frequent" | "adversarial", change = {}) =>
      presenceProbes(6, { ...options, perPicture: 1, ...change })
        .filter((probe) => probe.picture === picture && probe.absent?.includes(way))
        .map(({ thing }) => thing);
    expect(chosen(4, "frequent")).toEqual(["a"]);
    expect(["b", "d"]).toContain(chosen(2, "adversarial")[0]);
    expect(chosen(3, "adversarial")).toEqual(["a"]);
    const isAlike = (thing: string) => thing === "f";
    expect(chosen(3, "adversarial", { isAlike })).toEqual(["f"]);
  });

  test("of a scene, is what has the colour and the shape of two other things", () => {
    const isAlike = known.isAlike as NonNullable<KnownPictures["isAlike"]>;
    expect(isAlike("red circle", ["red square", "blue circle"])).toBe(true);
    expect(isAlike("red circle", ["red square", "blue cross"])).toBe(false);
    expect(known.vocabulary).toBe(nameable);
  });
});

test("figures of presence are those of their definitions", () => {
  const probe = (
    picture: number,
    absent: AnsweredProbe["absent"],
    said: AnsweredProbe["said"],
  ): AnsweredProbe => ({
    ...{ picture, thing: "x", absent, said },
  });
  const figures = presenceFigures([
    ...[
      probe(0, null, "yes"),
      probe(0, null, "no"),
      probe(0, ["random"], "no"),
      probe(0, ["random", "frequent"], "yes"),
    ],
    ...[
      probe(1, null, "yes"),
      probe(1, null, null),
      probe(1, ["frequent"], "no"),
      probe(1, ["random"], "no"),
    ],
  ]);
  // Random: 2 true positives, 2 missed, 1 false positive of 7.
  expect(figures.popeRandom?.percent).toBeCloseTo(100 * (4 / 7));
  expect(figures.popeRandomF1?.percent).toBeCloseTo(100 * (4 / (4 + 1 + 2)));
  expect(figures.popeRandomYes?.percent).toBeCloseTo(100 * (3 / 7));
  expect(figures.popeFrequent?.percent).toBeCloseTo(100 * (3 / 6));
  expect(figures.popeAdversarial?.percent).toBeCloseTo(50);
});

test.each<[string, string[] | null]>([
  ['["Cat", "wine glass"]', ["cat", "wine glass"]],
  ["cat, wine glass and dog", ["cat", "wine glass", "dog"]],
  ["", null],
  ["[]", null],
])("a cell lists things: %s", (cell, things) => expect(thingsIn(cell)).toEqual(things));
