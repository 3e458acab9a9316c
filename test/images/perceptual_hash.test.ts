import sharp from "sharp";
import { expect, test } from "vitest";
import { encodePng } from "../../images/encode.ts";
import { hashDistance, perceptualHash } from "../../images/perceptual_hash.ts";
import { SceneSource } from "../../images/scenes/source.ts";

test("distances count the bits that differ", () => {
  expect(hashDistance(0n, 0n)).toBe(0);
  expect(hashDistance(0b1010n, 0b0110n)).toBe(2);
  expect(hashDistance(0n, 2n ** 64n - 1n)).toBe(64);
});

test("a picture enlarged, as JPEG, or darker is near itself; another one is not", async () => {
  const source = new SceneSource({ domain: "target", count: 12, seed: 4 });
  const hashes: bigint[] = [];
  for (let i = 0; i < source.length; i++) {
    const png = await encodePng((await source.load(i)).image);
    const hash = await perceptualHash(png, "scene");
    const changed = [
      sharp(png).resize(200, 200, { kernel: "cubic" }).png(),
      sharp(png).jpeg({ quality: 80 }),
      sharp(png).linear(0.9, 0).png(),
    ];
    for (const change of changed)
      expect(hashDistance(hash, await perceptualHash(await change.toBuffer(), "scene"))).toBeLessThanOrEqual(
        4,
      );
    hashes.push(hash);
  }
  for (const [i, a] of hashes.entries())
    for (const b of hashes.slice(i + 1)) expect(hashDistance(a, b)).toBeGreaterThan(7);
});
