import { VisplayError } from "../common/errors.ts";
import { QuestionClusters } from "../data/export/question_clusters.ts";
import type { TestSet } from "../data/export/selection.ts";
import { mostBits, SimilarImages } from "../data/export/similar_images.ts";
import type { BrokenRow } from "../data/tables/table.ts";
import { defaultLimits } from "../images/decode.ts";
import { perceptualHash } from "../images/perceptual_hash.ts";
import type { StoredImage } from "../images/stored_image.ts";
import { labelledRows, openUserData, sayBroken } from "./data.ts";
import { count, plural } from "./format.ts";
import { picturesOf } from "./picture_data.ts";
import type { Opening } from "./run_images.ts";

/** What an export must not come near to, by images, and by questions where these count, too. */
export async function openTestSet(data: string, byQuestion: boolean, opening: Opening): Promise<TestSet> {
  const { pictures, questions } = byQuestion
    ? await questionsOf(data, opening)
    : { pictures: await picturesOf(data, opening), questions: null };
  const images = new SimilarImages(mostBits);
  const broken: BrokenRow[] = [];
  for (const [i, picture] of pictures.entries()) {
    opening.signal.throwIfAborted();
    if (i % 100 === 0)
      opening.show(`looking at the test set: ${count(i)} of ${plural(pictures.length, "picture")}`);
    try {
      images.add(await perceptualHash(await picture.read(defaultLimits), picture.name));
    } catch (error) {
      if (!(error instanceof VisplayError) || error.code !== "images") throw error;
      broken.push({ file: picture.name, row: null, reason: error.message });
    }
  }
  sayBroken(data, broken, opening.say);
  return { images, questions };
}

async function questionsOf(
  data: string,
  opening: Opening,
): Promise<{ pictures: StoredImage[]; questions: QuestionClusters }> {
  const set = await openUserData(data, null, opening);
  const { rows, broken } = await labelledRows(set, { signal: opening.signal });
  sayBroken(set.name, broken, opening.say);
  const questions = new QuestionClusters();
  for (const { question } of rows) questions.clusterOf(question);
  return { pictures: rows.map(({ image }) => image), questions };
}
