import { QuestionClusters } from "../data/export/question_clusters.ts";
import type { TestSet } from "../data/export/selection.ts";
import { mostBits, SimilarImages } from "../data/export/similar_images.ts";
import { defaultLimits } from "../images/decode.ts";
import { perceptualHash } from "../images/perceptual_hash.ts";
import { labelledRows, openUserData, sayBroken } from "./data.ts";
import { count, plural } from "./format.ts";
import type { Opening } from "./run_images.ts";

/** What an export must not come near to, by images, and by questions where these count, too. */
export async function openTestSet(data: string, byQuestion: boolean, opening: Opening): Promise<TestSet> {
  const set = await openUserData(data, null, opening);
  const { rows, broken } = await labelledRows(set, { signal: opening.signal });
  sayBroken(set.name, broken, opening.say);
  const images = new SimilarImages(mostBits);
  const questions = byQuestion ? new QuestionClusters() : null;
  for (const [i, { image, question }] of rows.entries()) {
    opening.signal.throwIfAborted();
    if (i % 100 === 0) opening.show(`looking at the test set: ${count(i)} of ${plural(rows.length, "row")}`);
    images.add(await perceptualHash(await image.read(defaultLimits), image.name));
    questions?.clusterOf(question);
  }
  return { images, questions };
}
