import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { imageOf, type RgbImage } from "../../../images/image.ts";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { promptAbout } from "../../../policy/prompts.ts";
import { readReference } from "../../reference_dir.ts";
import { copyTiny, picture, sampling, tinyOptions } from "../tiny.ts";

const { text_config } = readReference("smolvlm-tiny/config.json");
const splitting = { size: { longest_edge: 128 }, do_image_splitting: true };
/** The tokens of "What?" about a picture of one tile, by which the context is measured. */
const maxPositions = 64;

let tiny: Awaited<ReturnType<typeof copyTiny>>;
let policy: LocalPolicy;
beforeAll(async () => {
  const text = { ...text_config, max_position_embeddings: maxPositions };
  tiny = await copyTiny({ "config.json": { text_config: text } });
  policy = await LocalPolicy.open(tiny.folder, tinyOptions);
});
afterAll(async () => {
  await policy[Symbol.asyncDispose]();
  await tiny[Symbol.asyncDispose]();
});

const short = promptAbout(picture(1), "What?");

describe("a model's context", () => {
  test("that a prompt fills is that prompt's fault", async () => {
    const long = promptAbout(picture(1), "Look closely. ".repeat(20));
    const fault = {
      code: "prompt",
      message: expect.stringMatching(/a prompt of \d+ tokens leaves no room .* model's 64; shorten it/),
    };
    await expect(policy.sample([short, long], sampling)).rejects.toMatchObject(fault);
    await expect(
      policy.score([{ prompt: long, completions: [{ tokens: Int32Array.of(5) }] }], {
        weights: "policy",
        temperature: 1,
      }),
    ).rejects.toMatchObject(fault);
    expect((await policy.sample([short], sampling))[0]).toHaveLength(sampling.groupSize);
  });

  test("ends a completion, whatever else is asked for", async () => {
    const { prefix, suffix } = policy.tokens(short);
    const room = maxPositions - prefix.tokens.length - suffix.length;
    const [group] = await policy.sample([short], { ...sampling, ignoreEos: true, maxTokens: 200 });
    expect(room).toBeLessThan(40);
    for (const { tokens, finishReason } of group ?? []) {
      expect(tokens).toHaveLength(room);
      expect(finishReason).toBe("length");
    }
  });
});

test("encoding ahead passes over an image that leaves no room, with what marks its tiles and the turn around it", async () => {
  const text = { ...text_config, max_position_embeddings: 5 * 16 };
  await using copy = await copyTiny({
    "config.json": { text_config: text },
    "preprocessor_config.json": splitting,
  });
  await using cutting = await LocalPolicy.open(copy.folder, tinyOptions);
  const [high, flat] = [96, 24].map((height) => imageOf(128, height, new Uint8Array(128 * height * 3)));
  const wide = high as RgbImage;
  const encoded = vi.spyOn(cutting.encoder, "encode");
  await cutting.prepare([wide, flat as RgbImage]);
  expect(encoded.mock.calls.map(([images]) => [...images].map(({ id }) => id))).toEqual([[flat?.id]]);
  await expect(cutting.sample([promptAbout(wide, "")], sampling)).rejects.toMatchObject({
    code: "prompt",
    message: expect.stringMatching(/model's 80; .*model\.maxPixels/),
  });
  await using whole = await LocalPolicy.open(copy.folder, {
    ...tinyOptions,
    resolution: { maxPixels: null, splitting: false },
  });
  await whole.prepare([wide]);
});
