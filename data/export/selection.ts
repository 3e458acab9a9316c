import { groupBy } from "../../common/group_by.ts";
import { deriveSeed } from "../../common/random.ts";
import { bleuDistances, clusterByDistance } from "../../rewards/diversity.ts";
import { QuestionClusters } from "./question_clusters.ts";
import { type CurriculumRecord, countVotes, type ExportItem } from "./record.ts";
import { SimilarImages } from "./similar_images.ts";

/** Bounds, both included. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

export interface Split {
  readonly name: string;
  /** Of the images. */
  readonly share: number;
}

/** Which records are exported. What is null does not restrict. */
export interface Selection {
  readonly rounds: readonly number[] | null;
  /** "admitted", or why a question did not enter the curriculum. */
  readonly outcomes: readonly string[];
  readonly confidence: Bounds;
  readonly minVotes: number;
  /** Share of the Reasoner's answers, the last time that it was taught with the question, that agreed. */
  readonly agreement: Bounds | null;
  /** Whether of near duplicates among an image's questions one is kept. */
  readonly distinctQuestions: boolean;
  /** Bits in which perceptual hashes differ of images that count as alike, of which the first is kept. */
  readonly similarImages: number | null;
  readonly maxPerImage: number | null;
  readonly maxPerCluster: number | null;
  readonly max: number | null;
  /** Whether `max` is filled from all clusters in turn. */
  readonly balance: boolean;
  readonly splits: readonly Split[];
  readonly seed: number;
}

/** What was admitted, all of it, in one split. */
export const everything: Selection = {
  rounds: null,
  outcomes: ["admitted"],
  confidence: { low: 0, high: 1 },
  minVotes: 0,
  agreement: null,
  distinctQuestions: false,
  similarImages: null,
  maxPerImage: null,
  maxPerCluster: null,
  max: null,
  balance: false,
  splits: [{ name: "train", share: 1 }],
  seed: 0,
};

/** What is exported, and how many records each rule has left out, by its name. */
export interface Selected {
  readonly items: readonly ExportItem[];
  readonly candidates: number;
  readonly rejected: Readonly<Record<string, number>>;
  /** Those that came too near to a test set. */
  readonly contaminated: readonly Pick<CurriculumRecord, "image" | "imageName" | "question">[];
}

/** What nothing that is exported may come near to. */
export interface TestSet {
  readonly images: SimilarImages;
  /** Null where only images count. */
  readonly questions: QuestionClusters | null;
}

/** The perceptual hash of a record's image. */
export type Look = (record: CurriculumRecord) => Promise<bigint>;

interface Rule {
  readonly name: string;
  /** The records that stay, in their order. */
  keep(records: readonly CurriculumRecord[]): readonly CurriculumRecord[] | Promise<CurriculumRecord[]>;
}

/** Applies one rule after the other, each to what those before have left, so that every record is counted once. */
export async function select(
  records: readonly CurriculumRecord[],
  selection: Selection,
  look: Look,
  tests: TestSet | null = null,
): Promise<Selected> {
  const clusters = new QuestionClusters();
  const rejected: Record<string, number> = {};
  let contaminated: readonly CurriculumRecord[] = [];
  let kept = records;
  const outcomes = new Set(records.map(({ outcome }) => outcome));
  for (const { name, keep } of rulesOf(selection, [...outcomes].sort(), clusters, look, tests)) {
    const left = await keep(kept);
    if (contaminations.includes(name)) contaminated = [...contaminated, ...without(kept, left)];
    if (left.length < kept.length) rejected[name] = kept.length - left.length;
    kept = left;
  }
  const items = kept.map((record) => ({
    ...record,
    cluster: clusters.clusterOf(record.question),
    split: splitOf(record.image, selection),
  }));
  return {
    items,
    candidates: records.length,
    rejected,
    contaminated: contaminated.map(({ image, imageName, question }) => ({ image, imageName, question })),
  };
}

const contaminations: readonly string[] = ["like a test image", "like a test question"];

function without(
  records: readonly CurriculumRecord[],
  others: readonly CurriculumRecord[],
): CurriculumRecord[] {
  const left = new Set(others);
  return records.filter((record) => !left.has(record));
}

function rulesOf(
  selection: Selection,
  outcomesThere: readonly string[],
  clusters: QuestionClusters,
  look: Look,
  tests: TestSet | null,
): Rule[] {
  const { rounds, outcomes, confidence, minVotes, agreement, similarImages, seed } = selection;
  const perImage = imageRule(look);
  const clusterOf = ({ question }: CurriculumRecord): number => clusters.clusterOf(question);
  const where = (name: string, holds: (record: CurriculumRecord) => boolean): Rule => ({
    name,
    keep: (records) => records.filter(holds),
  });
  return [
    where("round", ({ round }) => rounds?.includes(round) ?? true),
    ...outcomesThere
      .filter((each) => !outcomes.includes(each))
      .map((unwanted) => where(`outcome ${unwanted}`, ({ outcome }) => outcome !== unwanted)),
    where("confidence", (record) => within(record.confidence, confidence)),
    where("votes", (record) => countVotes(record) >= minVotes),
    where("agreement", (record) => agreement === null || within(record.agreement, agreement)),
    where("image not kept", ({ file }) => file !== null),
    { name: "duplicate", keep: withoutCopies },
    ...(selection.distinctQuestions ? [{ name: "near duplicate", keep: distinctByImage }] : []),
    ...(similarImages === null ? [] : [perImage("similar image", isNewTo(new SimilarImages(similarImages)))]),
    ...(tests ? [perImage("like a test image", (hash) => !tests.images.has(hash))] : []),
    ...(tests?.questions
      ? [where("like a test question", ({ question }) => tests.questions?.find(question) === undefined)]
      : []),
    { name: "per image", keep: (all) => atMost(all, selection.maxPerImage, ({ image }) => image, seed) },
    { name: "per cluster", keep: (all) => atMost(all, selection.maxPerCluster, clusterOf, seed) },
    { name: "in all", keep: (all) => draw(all, selection, selection.balance ? clusterOf : null) },
  ];
}

function within(value: number | null, { low, high }: Bounds): boolean {
  return value !== null && value >= low && value <= high;
}

/** Of equal questions about one image that with the highest confidence, and of these the first. */
function withoutCopies(records: readonly CurriculumRecord[]): readonly CurriculumRecord[] {
  const best = new Map<string, CurriculumRecord>();
  for (const record of records) {
    const key = keyOf(record);
    const before = best.get(key);
    if (!before || record.confidence > before.confidence) best.set(key, record);
  }
  return records.filter((record) => best.get(keyOf(record)) === record);
}

/** As a curriculum takes two questions for one. */
function keyOf({ image, question }: CurriculumRecord): string {
  return `${image} ${question.toLowerCase()}`;
}

/** Of each cluster of an image's questions the first. */
function distinctByImage(records: readonly CurriculumRecord[]): readonly CurriculumRecord[] {
  const kept = new Set<CurriculumRecord>();
  for (const own of groupBy(records, ({ image }) => image).values()) {
    const labels = clusterByDistance(bleuDistances(own.map(({ question }) => question)));
    for (const [i, record] of own.entries()) if (labels.indexOf(labels[i] as number) === i) kept.add(record);
  }
  return records.filter((record) => kept.has(record));
}

/** Rules on what images look like, each of which is looked at once. */
function imageRule(look: Look): (name: string, holds: (hash: bigint) => boolean) => Rule {
  const hashes = new Map<string, bigint>();
  return (name, holds) => ({
    name,
    async keep(records) {
      const kept = new Map<string, boolean>();
      for (const record of records) {
        if (kept.has(record.image)) continue;
        const hash = hashes.get(record.image) ?? (await look(record));
        hashes.set(record.image, hash);
        kept.set(record.image, holds(hash));
      }
      return records.filter(({ image }) => kept.get(image));
    },
  });
}

function isNewTo(seen: SimilarImages): (hash: bigint) => boolean {
  return (hash) => {
    if (seen.has(hash)) return false;
    seen.add(hash);
    return true;
  };
}

/** At most so many of each group, drawn by the seed. */
function atMost<K>(
  records: readonly CurriculumRecord[],
  most: number | null,
  groupOf: (record: CurriculumRecord) => K,
  seed: number,
): readonly CurriculumRecord[] {
  if (most === null) return records;
  const kept = new Set(
    [...groupBy(records, groupOf).values()].flatMap((own) => drawn(own, seed).slice(0, most)),
  );
  return records.filter((record) => kept.has(record));
}

/** `max` of all records; from each cluster one after the other where there are some. */
function draw(
  records: readonly CurriculumRecord[],
  { max, seed }: Selection,
  clusterOf: ((record: CurriculumRecord) => number) | null,
): readonly CurriculumRecord[] {
  if (max === null || records.length <= max) return records;
  const order = drawn(records, seed);
  const turns = new Map<CurriculumRecord, number>();
  if (clusterOf)
    for (const own of groupBy(order, clusterOf).values())
      for (const [turn, record] of own.entries()) turns.set(record, turn);
  const turnOf = (record: CurriculumRecord): number => turns.get(record) ?? 0;
  const kept = new Set(order.toSorted((a, b) => turnOf(a) - turnOf(b)).slice(0, max));
  return records.filter((record) => kept.has(record));
}

/** In an order that depends on the seed and on each record alone. */
function drawn(records: readonly CurriculumRecord[], seed: number): CurriculumRecord[] {
  const places = new Map(records.map((record) => [record, deriveSeed(seed, keyOf(record))]));
  return records.toSorted((a, b) => (places.get(a) as number) - (places.get(b) as number));
}

/** An image is in the same split whatever else is exported, as long as seed and splits are the same. */
function splitOf(image: string, { splits, seed }: Selection): string {
  const total = splits.reduce((sum, { share }) => sum + share, 0);
  let left = (deriveSeed(seed, "split", image) / 2 ** 32) * total;
  for (const { name, share } of splits) {
    left -= share;
    if (left < 0) return name;
  }
  return splits.at(-1)?.name ?? "train";
}
