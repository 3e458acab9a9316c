import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { askedIn } from "../../fakes/prompts.ts";
import { questions, sampling, tinyOptions } from "../tiny.ts";

/** The embedded model, whose products are large enough to be split among threads in ways that depend on the batch. */
const embedded = fileURLToPath(new URL("../../../models/tiny", import.meta.url));

function open(threads: number, frozen: boolean): Promise<LocalPolicy> {
  const images = frozen ? 0 : 1;
  const learningRateFactors = { text: 1, connector: images, vision: images };
  return LocalPolicy.open(embedded, { ...tinyOptions, threads, learningRateFactors });
}

// A resumed run has lost what earlier calls left in caches, and has to come to the same bits.
describe.each([
  { threads: 1, frozen: false },
  { threads: 2, frozen: false },
  { threads: 2, frozen: true },
  { threads: 3, frozen: true },
])("with $threads threads, images frozen: $frozen", ({ threads, frozen }) => {
  test("an image's rows have the same bits alone and in any company", async () => {
    await using policy = await open(threads, frozen);
    const images = questions(5, 5).map((prompt) => policy.encoder.prepare(askedIn(prompt).image));
    const rows = (some: typeof images, version: string) =>
      policy.encoder.encode(some, policy.learner.views, version, async () => {});
    const together = await rows(images, "together");
    for (const image of images) {
      const alone = await rows([image], `alone ${image.id}`);
      expect(alone.get(image.id)).toEqual(together.get(image.id));
    }
  });

  test("what a call gives does not depend on the calls before it", async () => {
    await using fresh = await open(threads, frozen);
    await using used = await open(threads, frozen);
    const asked = questions(5, 5);
    await used.prepare(asked.map((prompt) => askedIn(prompt).image).reverse());
    await used.sample(questions(3, 3), { ...sampling, seed: 8 });
    for (const some of [asked.slice(1, 2), asked]) {
      const wanted = await fresh.sample(some, sampling);
      expect(await used.sample(some, sampling)).toEqual(wanted);
      const groups = some.map((prompt, i) => ({
        prompt,
        completions: wanted[i] ?? [],
      }));
      for (const weights of ["policy", "reference"] as const) {
        const options = { weights, temperature: 1 };
        expect(await used.score(groups, options)).toEqual(await fresh.score(groups, options));
      }
    }
  });
});
