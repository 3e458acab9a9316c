import { describe, expect, test } from "vitest";
import { QuestionClusters } from "../../../data/export/question_clusters.ts";
import type { CurriculumRecord } from "../../../data/export/record.ts";
import {
  everything,
  type Selected,
  type Selection,
  select,
  type TestSet,
} from "../../../data/export/selection.ts";
import { SimilarImages } from "../../../data/export/similar_images.ts";
import { bleuDistances } from "../../../rewards/diversity.ts";
import { record } from "./records.ts";

const imageId = (i: number): string => i.toString(16).padStart(32, "0");

/** Questions about pictures, each with one of five templates. */
function many(images: number, perImage: number): CurriculumRecord[] {
  const things = ["red birds", "small houses", "tall trees", "open doors", "parked cars"];
  return Array.from({ length: images * perImage }, (_, i) => {
    const image = Math.floor(i / perImage);
    const thing = things[i % things.length];
    return record({
      image: imageId(image),
      question: `${thing} : how many of them do you see in place ${i % perImage} ?`,
      confidence: (i % 10) / 10,
      round: 1 + (i % 3),
    });
  });
}

const choose = (
  records: readonly CurriculumRecord[],
  own: Partial<Selection>,
  look: (record: CurriculumRecord) => Promise<bigint> = async () => 0n,
  tests: TestSet | null = null,
): Promise<Selected> => select(records, { ...everything, ...own }, look, tests);

function sizes<K>(selected: Selected, keyOf: (item: Selected["items"][number]) => K): number[] {
  const counts = new Map<K, number>();
  for (const item of selected.items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return [...counts.values()];
}

test("every record is exported, or left out for one reason", async () => {
  const records = [...many(40, 5), record({ outcome: "belowBand" }), record({ file: null })];
  const own = {
    rounds: [1, 3],
    confidence: { low: 0.3, high: 0.8 },
    maxPerImage: 2,
    maxPerCluster: 7,
    max: 20,
  };
  const { items, rejected, candidates } = await choose(records, own);
  expect(candidates).toBe(202);
  expect(items.length + Object.values(rejected).reduce((a, b) => a + b, 0)).toBe(202);
  expect(rejected).toMatchObject({ "outcome belowBand": 1, "image not kept": 1 });
  expect(items.every(({ round, confidence }) => round !== 2 && confidence >= 0.3 && confidence <= 0.8)).toBe(
    true,
  );
});

describe("what counts", () => {
  test("votes", async () => {
    const records = [record(), record({ image: imageId(1), votes: [{ answer: "2", count: 2 }] })];
    expect((await choose(records, { minVotes: 3 })).items).toHaveLength(1);
    expect((await choose(records, { minVotes: 5 })).rejected).toEqual({ votes: 2 });
  });

  test("outcomes: what did not enter can be asked for", async () => {
    const records = [record(), record({ image: imageId(1), outcome: "belowBand" })];
    expect((await choose(records, { outcomes: ["belowBand"] })).items[0]?.image).toBe(imageId(1));
  });

  test("what a later Reasoner made of it; what it was not taught with has none", async () => {
    const records = [0, 0.5, 1, null].map((agreement, i) => record({ image: imageId(i), agreement }));
    const { items, rejected } = await choose(records, { agreement: { low: 0, high: 0.5 } });
    expect(items.map(({ agreement }) => agreement)).toEqual([0, 0.5]);
    expect(rejected).toEqual({ agreement: 2 });
  });
});

describe("duplicates", () => {
  test("of equal questions about one picture, over rounds and runs, the surest answer stays", async () => {
    const records = [
      record({ confidence: 0.6, answer: "1" }),
      record({ confidence: 0.9, answer: "2", round: 2, question: "How many birds are there ?" }),
      record({ confidence: 0.9, answer: "3", run: "other", runIndex: 1 }),
      record({ image: imageId(1) }),
    ];
    const { items, rejected } = await choose(records, {});
    expect(items.map(({ answer, image }) => [answer, image])).toEqual([
      ["2", records[0]?.image],
      ["2", imageId(1)],
    ]);
    expect(rejected).toEqual({ duplicate: 2 });
  });

  test("near duplicates about one picture, not over pictures", async () => {
    const questions = [
      "how many birds are there in the old tree ?",
      "how many birds are there in the old house ?",
      "what colour is the sky ?",
    ];
    const records = [0, 1].flatMap((i) =>
      questions.map((question) => record({ image: imageId(i), question })),
    );
    const { items, rejected } = await choose(records, { distinctQuestions: true });
    expect(items.map(({ question }) => question)).toEqual([0, 2, 0, 2].map((i) => questions[i]));
    expect(rejected).toEqual({ "near duplicate": 2 });
  });

  test("pictures that look alike, up to so many bits", async () => {
    const hashes = [0n, 0b111n, 0b1111n, 0xffff_0000_0000n];
    const records = hashes.flatMap((_, i) => [
      record({ image: imageId(i) }),
      record({ image: imageId(i), question: "why ?" }),
    ]);
    const look = async ({ image }: CurriculumRecord): Promise<bigint> =>
      hashes[Number.parseInt(image, 16)] as bigint;
    const { items, rejected } = await choose(records, { similarImages: 3 }, look);
    expect(new Set(items.map(({ image }) => image))).toEqual(new Set([0, 2, 3].map(imageId)));
    expect(rejected).toEqual({ "similar image": 2 });
  });
});

describe("near a test set", () => {
  const tests = (byQuestion: boolean): TestSet => {
    const images = new SimilarImages(4);
    images.add(0xff00n);
    const questions = byQuestion ? new QuestionClusters() : null;
    questions?.clusterOf("how many birds are there in the tree ?");
    return { images, questions };
  };
  const records = [
    record({ image: imageId(0), question: "what is it ?" }),
    record({ image: imageId(1), question: "how many birds are there in the house ?" }),
    record({ image: imageId(1), question: "what colour is the sky ?" }),
  ];
  const look = async ({ image }: CurriculumRecord): Promise<bigint> => (image === imageId(0) ? 0xff01n : 0n);

  test("pictures that look like one of it go, and are listed", async () => {
    const { items, contaminated } = await choose(records, {}, look, tests(false));
    expect(items.map(({ image }) => image)).toEqual([imageId(1), imageId(1)]);
    expect(contaminated).toEqual([{ image: imageId(0), imageName: "a.jpg", question: "what is it ?" }]);
  });

  test("questions, where they count", async () => {
    const { items, contaminated } = await choose(records, {}, look, tests(true));
    expect(items.map(({ question }) => question)).toEqual(["what colour is the sky ?"]);
    expect(contaminated).toHaveLength(2);
  });
});

describe("how many", () => {
  test("per image, per cluster, in all", async () => {
    const records = many(40, 5);
    expect(Math.max(...sizes(await choose(records, { maxPerImage: 2 }), ({ image }) => image))).toBe(2);
    const perCluster = sizes(await choose(records, { maxPerCluster: 3 }), ({ cluster }) => cluster);
    expect(perCluster.every((size) => size <= 3)).toBe(true);
    expect((await choose(records, { max: 17 })).items).toHaveLength(17);
  });

  test("balanced: clusters differ by no more than one, but for those that have no more", async () => {
    const common = many(60, 1).map((own, i) =>
      record({ ...own, question: `how many cats sit near the door ?`, image: imageId(i) }),
    );
    const rare = [0, 1].map((i) =>
      record({ image: imageId(i), question: "which word is written on the large sign ?" }),
    );
    const other = Array.from({ length: 30 }, (_, i) =>
      record({ image: imageId(i), question: "is the lamp above the table on ?" }),
    );
    const selected = await choose([...common, ...rare, ...other], { max: 22, balance: true });
    expect(sizes(selected, ({ cluster }) => cluster).sort()).toEqual([10, 10, 2]);
    const plain = await choose([...common, ...rare, ...other], { max: 22 });
    expect(Math.max(...sizes(plain, ({ cluster }) => cluster))).toBeGreaterThan(10);
  });

  test("another seed draws others, the same seed the same, whatever order they come in", async () => {
    const records = many(40, 5);
    const drawn = async (seed: number, from = records): Promise<string[]> =>
      (await choose(from, { max: 30, seed })).items
        .map(({ image, question }) => `${image} ${question}`)
        .sort();
    expect(await drawn(1)).toEqual(await drawn(1, records.toReversed()));
    expect(await drawn(1)).not.toEqual(await drawn(2));
  });
});

describe("splits", () => {
  const splits = [
    { name: "train", share: 0.8 },
    { name: "test", share: 0.2 },
  ];

  test("no image lies in two, and shares come out", async () => {
    const { items } = await choose(many(2000, 3), { splits });
    const byImage = new Map<string, Set<string>>();
    for (const { image, split } of items) byImage.set(image, (byImage.get(image) ?? new Set()).add(split));
    expect([...byImage.values()].every(({ size }) => size === 1)).toBe(true);
    const share = [...byImage.values()].filter((own) => own.has("test")).length / byImage.size;
    // Four standard deviations.
    expect(Math.abs(share - 0.2)).toBeLessThan(4 * Math.sqrt((0.2 * 0.8) / 2000));
  });

  test("an image stays where it is when others are added", async () => {
    const splitOf = new Map(
      (await choose(many(50, 1), { splits })).items.map(({ image, split }) => [image, split]),
    );
    for (const { image, split } of (await choose(many(90, 1), { splits })).items)
      expect(splitOf.get(image) ?? split).toBe(split);
  });
});

test("clusters are begun by questions that are no near duplicates of each other, and joined by such", () => {
  const clusters = new QuestionClusters();
  const things = ["birds", "houses", "trees", "doors", "cars", "clouds"];
  const questions = things.flatMap((thing) => [
    `how many ${thing} are there in the picture ?`,
    `how many red ${thing} are there in the picture ?`,
    `do the ${thing} look old ?`,
    `what stands between the ${thing} and the lake ?`,
    `${thing} ?`,
  ]);
  const beginnings: string[] = [];
  for (const question of questions) {
    const cluster = clusters.clusterOf(question);
    const distances = bleuDistances([...beginnings, question]).at(-1) ?? [];
    if (cluster === beginnings.length) {
      expect(Math.min(1, ...distances.slice(0, -1))).toBeGreaterThanOrEqual(0.5);
      beginnings.push(question);
    } else expect(distances[cluster]).toBeLessThan(0.5);
  }
  expect(beginnings.length).toBeGreaterThan(1);
  expect(beginnings.length).toBeLessThan(questions.length);
  expect(questions.map((question) => clusters.clusterOf(question))).toEqual(
    questions.map((question) => clusters.find(question)),
  );
});
