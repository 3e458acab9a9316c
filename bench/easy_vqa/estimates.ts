import { deriveSeed, RandomStream } from "../../common/random.ts";

/** How right a model is about a question. */
export interface Mark {
  /** The picture that it is about. */
  readonly image: string;
  readonly question: string;
  /** From 0 to 1: the share of right answers. */
  readonly score: number;
}

/** In percent, or points; low and high bound 95%. */
export interface Estimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const draws = 4000;

/**
 * The mean of marks over seeds and questions, [seeds][questions], less that of others of the same seeds where there are
 * any, with a 95% interval: percentiles of a bootstrap over seeds and over pictures, whose questions depend on each other.
 * Both of a pair answer the same questions, so what makes a question hard cancels out. Throws a RangeError where they do
 * not.
 */
export function estimate(
  marks: readonly (readonly Mark[])[],
  others?: readonly (readonly Mark[])[],
): Estimate {
  const gains = marks.map((own, seed) => sumsByImage(own, others?.[seed]));
  const counts = countsByImage(marks[0] ?? []);
  const [seeds, images] = [gains.length, counts.length];
  const stream = new RandomStream(deriveSeed(0, "easy-vqa.bootstrap"));
  const means = Array.from({ length: draws }, () => {
    const drawn = Array.from({ length: seeds }, () => gains[stream.integer(seeds)] as readonly number[]);
    let [gain, questions] = [0, 0];
    for (let i = 0; i < images; i++) {
      const image = stream.integer(images);
      for (const sums of drawn) gain += sums[image] as number;
      questions += seeds * (counts[image] as number);
    }
    return (100 * gain) / questions;
  }).sort((a, b) => a - b);
  const total = gains.flat().reduce((sum, gain) => sum + gain, 0);
  const questions = seeds * counts.reduce((sum, count) => sum + count, 0);
  return {
    mean: (100 * total) / questions,
    low: means[Math.floor(0.025 * draws)] as number,
    high: means[Math.ceil(0.975 * draws) - 1] as number,
  };
}

/** What the questions about each image earn, less what they earn in others' marks. */
function sumsByImage(marks: readonly Mark[], others?: readonly Mark[]): number[] {
  if (others && others.length !== marks.length)
    throw new RangeError(`${marks.length} marks against ${others.length}`);
  const sums = new Map<string, number>();
  for (const [i, { image, question, score }] of marks.entries()) {
    const other = others?.[i];
    if (other && (other.image !== image || other.question !== question))
      throw new RangeError(
        `question ${i} is "${question}" about ${image}, and "${other.question}" about ${other.image}`,
      );
    sums.set(image, (sums.get(image) ?? 0) + score - (other?.score ?? 0));
  }
  return [...sums.values()];
}

function countsByImage(marks: readonly Mark[]): number[] {
  const counts = new Map<string, number>();
  for (const { image } of marks) counts.set(image, (counts.get(image) ?? 0) + 1);
  return [...counts.values()];
}
