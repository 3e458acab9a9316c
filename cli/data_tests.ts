import { createHash } from "node:crypto";
import type { EvaluationConfig } from "../arena/config/evaluation.ts";
import type { Test, Tests } from "../arena/ports.ts";
import { VisplayError } from "../common/errors.ts";
import { inParallel } from "../common/in_parallel.ts";
import { defaultLimits } from "../images/decode.ts";
import { ListedImages } from "../images/listed_images.ts";
import type { Fit } from "../images/shrink.ts";
import type { StoredImage } from "../images/stored_image.ts";
import { labelledRows, openUserData, sayBroken } from "./data.ts";
import type { Opening } from "./run_images.ts";
import { scaledPictures } from "./scaled_pictures.ts";

/** Labelled questions of a user's data. */
export interface DataTests extends Tests {
  /** SHA-256 of all questions, answers, and names and sizes of pictures. */
  readonly digest: string;
  /** The first of them. */
  first(questions: number): Tests;
}

/** A question whose picture is not in memory. */
interface ListedTest extends Omit<Test, "image"> {
  readonly image: StoredImage;
}

/** Pictures decoded at the same time. */
const decoders = 4;

/** More groups than anybody reads of. */
const maxGroups = 100;

/**
 * The first questions of `evaluation.data`; says which rows are broken. Throws "data" where none can be asked, or
 * `evaluation.groupBy` has too many values.
 */
export async function openDataTests(
  data: string,
  { columns, groupBy, questions }: Pick<EvaluationConfig, "columns" | "groupBy" | "questions">,
  opening: Opening,
): Promise<DataTests> {
  const set = await openUserData(data, columns, opening);
  if (groupBy !== null) set.requireColumn(groupBy);
  const others = groupBy === null ? [] : [groupBy];
  const { rows, broken } = await labelledRows(set, { others, most: questions, signal: opening.signal });
  const tests = rows.map(({ image, question, answers: truths, others }) => ({
    name: image.name,
    image,
    question,
    truths,
    group: groupBy === null ? null : others[groupBy] || "none",
  }));
  sayBroken(set.name, broken, opening.say);
  if (tests.length === 0) {
    const found = `found no question with an answer and one picture among ${set.length} rows`;
    throw new VisplayError("data", `${set.name}: ${found}, expected at least one`);
  }
  const groups = [...new Set(tests.flatMap(({ group }) => group ?? []))].sort();
  if (groups.length > maxGroups) {
    const found = `${set.name}: column ${groupBy} has ${groups.length} values`;
    throw new VisplayError(
      "data",
      `${found}, expected at most ${maxGroups}; choose another evaluation.groupBy`,
    );
  }
  const digest = createHash("sha256");
  for (const { image, question, truths, group } of tests)
    digest.update(JSON.stringify([image.name, image.bytes, question, truths, group]));
  const first = (count: number): Tests => testsOf(tests.slice(0, count), groups, opening.say);
  return { ...first(tests.length), first, digest: digest.digest("hex") };
}

function testsOf(
  tests: readonly ListedTest[],
  groups: readonly string[],
  say: (line: string) => void,
): Tests {
  const said = new Set<string>();
  const pictures = new ListedImages(
    tests.map(({ name, image: file }) => ({ name, file, content: null })),
    defaultLimits,
    scaledPictures(),
  );
  const decode = async (index: number, { image, ...test }: ListedTest, fit: Fit): Promise<Test[]> => {
    try {
      return [{ ...test, image: (await pictures.load(index, fit)).image }];
    } catch (error) {
      if (!(error instanceof VisplayError) || error.code !== "images") throw error;
      if (!said.has(image.name)) say(`left out of the evaluation: ${image.name}: ${error.message}`);
      said.add(image.name);
      return [];
    }
  };
  return {
    length: tests.length,
    groups,
    async read(start, end, fit) {
      const part = tests.slice(start, end);
      return (await inParallel(part, decoders, (test, i) => decode(start + i, test, fit))).flat();
    },
  };
}
