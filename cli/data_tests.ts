import { createHash } from "node:crypto";
import type { EvaluationConfig } from "../arena/config/evaluation.ts";
import { listedThings, thingsIn } from "../arena/looking/listed_things.ts";
import { photoEdits, regionsIn } from "../arena/looking/photo_edits.ts";
import type { KnownPictures, Test, Tests } from "../arena/ports.ts";
import { VisplayError } from "../common/errors.ts";
import { inParallel } from "../common/in_parallel.ts";
import { deriveSeed } from "../common/random.ts";
import { defaultLimits } from "../images/decode.ts";
import type { RgbImage, Size } from "../images/image.ts";
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
interface ListedTest extends Omit<Test, "image" | "edit"> {
  readonly image: StoredImage;
  /** The cells that say where its evidence is, and what its picture shows; "" for none. */
  readonly region: string;
  readonly things: string;
}

/** What of an evaluation's settings its data are opened by. */
type DataSettings = Pick<
  EvaluationConfig,
  "columns" | "groupBy" | "questions" | "seed" | "dependence" | "hallucination"
>;

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
  { columns, groupBy, questions, seed, dependence: { region }, hallucination: { things } }: DataSettings,
  opening: Opening,
): Promise<DataTests> {
  const set = await openUserData(data, columns, opening);
  const others = [groupBy, region, things].filter((column) => column !== null);
  for (const column of others) set.requireColumn(column);
  const { rows, broken } = await labelledRows(set, { others, most: questions, signal: opening.signal });
  const tests = rows.map(({ image, question, answers: truths, others }) => ({
    name: image.name,
    image,
    question,
    truths,
    group: groupBy === null ? null : others[groupBy] || "none",
    region: (region && others[region]) ?? "",
    things: (things && others[things]) ?? "",
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
  for (const { image, question, truths, group, region, things } of tests) {
    const also = region || things ? [region, things] : [];
    digest.update(JSON.stringify([image.name, image.bytes, question, truths, group, ...also]));
  }
  if (region !== null) requireRegions(set.name, region, tests);
  if (things !== null && !tests.some((test) => thingsIn(test.things)))
    throw new VisplayError(
      "data",
      `${set.name}: column ${things} (evaluation.hallucination.things): found no list of things, expected ["cat", "bus"] or "cat, bus"`,
    );
  const first = (count: number): Tests => testsOf(tests.slice(0, count), groups, { seed, say: opening.say });
  return { ...first(tests.length), first, digest: digest.digest("hex") };
}

/** Throws "data" where no row says where its evidence is. */
function requireRegions(name: string, column: string, tests: readonly ListedTest[]): void {
  const whole = { width: 1, height: 1 };
  if (tests.some(({ region }) => regionsIn(region, whole, whole).length > 0)) return;
  const found = JSON.stringify(tests.find(({ region }) => region !== "")?.region ?? "");
  const expected = "expected boxes [x1, y1, x2, y2], in pixels or in shares of the picture";
  throw new VisplayError(
    "data",
    `${name}: column ${column} (evaluation.dependence.region): found ${found}, ${expected}`,
  );
}

function testsOf(
  tests: readonly ListedTest[],
  groups: readonly string[],
  { seed, say }: { readonly seed: number; readonly say: (line: string) => void },
): Tests {
  const said = new Set<string>();
  const pictures = listedImages(tests);
  const decode = async (index: number, listed: ListedTest, fit: Fit): Promise<Test[]> => {
    const { image, region, things: _, ...asked } = listed;
    let size: Size | null = null;
    const seen: Fit = (upright) => {
      size = upright;
      return fit(upright);
    };
    try {
      const test = { ...asked, image: (await pictures.load(index, seen)).image };
      const regions = regionsIn(region, size ?? test.image, test.image);
      const editSeed = deriveSeed(seed, "edit", index);
      return [{ ...test, edit: async () => photoEdits(test, regions, editSeed) }];
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
    known: knownPictures(tests),
    async read(start, end, fit) {
      const part = tests.slice(start, end);
      return (await inParallel(part, decoders, (test, i) => decode(start + i, test, fit))).flat();
    },
  };
}

/** Pictures whose row lists what they show, each once; null where none does. */
function knownPictures(tests: readonly ListedTest[]): KnownPictures | null {
  const listed = new Map<string, ListedTest>();
  for (const test of tests)
    if (thingsIn(test.things) && !listed.has(test.image.name)) listed.set(test.image.name, test);
  if (listed.size === 0) return null;
  const own = [...listed.values()];
  const pictures = listedImages(own);
  return {
    ...listedThings(own.map(({ things }) => thingsIn(things) ?? [])),
    async read(start, end, fit) {
      const indices = Array.from({ length: end - start }, (_, i) => start + i);
      const images = await inParallel(indices, decoders, async (index): Promise<[number, RgbImage][]> => {
        const loaded = await pictures.load(index, fit).catch(unlessBroken);
        return loaded ? [[index, loaded.image]] : [];
      });
      return new Map(images.flat());
    },
  };
}

function listedImages(tests: readonly ListedTest[]): ListedImages {
  return new ListedImages(
    tests.map(({ name, image: file }) => ({ name, file, content: null })),
    defaultLimits,
    scaledPictures(),
  );
}

/** Null for a picture that cannot be used, of which it is said where its questions are asked. */
function unlessBroken(error: unknown): null {
  if (error instanceof VisplayError && error.code === "images") return null;
  throw error;
}
