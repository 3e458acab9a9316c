import { expect, test } from "vitest";
import { imageOf } from "../../images/image.ts";
import { applyPhotometry } from "../../images/photometric.ts";
import { view } from "../../images/views.ts";

const image = imageOf(
  16,
  8,
  Uint8Array.from({ length: 384 }, (_, i) => (i * 37) % 256),
);

test("view 0 is the image itself", async () => {
  expect(await view(image, 0, 5)).toBe(image);
});

test("views keep the size, differ from each other and are reproducible", async () => {
  const viewed = () => Promise.all([1, 2, 3].map((k) => view(image, k, 5)));
  const views = await viewed();
  for (const { width, height, data } of views) expect([width, height, data.length]).toEqual([16, 8, 384]);
  expect(new Set([image, ...views].map(({ id }) => id)).size).toBe(4);
  expect(await viewed()).toEqual(views);
  expect((await view(image, 1, 6)).data).not.toEqual(views[0]?.data);
});

test("views move nothing by more than a pixel in 64: bright stays brighter than dark", async () => {
  const edge = imageOf(
    16,
    8,
    Uint8Array.from({ length: 384 }, (_, i) => (Math.floor(i / 3) % 16 < 8 ? 60 : 200)),
  );
  for (let k = 1; k <= 20; k++) {
    const { data } = await view(edge, k, 9);
    const greens = Array.from({ length: 128 }, (_, i) => data[i * 3 + 1] as number);
    const between = greens.reduce((sum, green) => sum + green, 0) / greens.length;
    for (const [i, green] of greens.entries())
      if (i % 16 < 7 || i % 16 > 8) expect(green < between).toBe(i % 16 < 8);
  }
});

test("an image that is changed in parts is changed as a whole", () => {
  const change = { contrast: 1.1, offset: [0.1, 0, -0.1], noise: 0.05 } as const;
  const parts = [0, 96, 192].map((start, i, starts) =>
    applyPhotometry(image.data.subarray(start, starts[i + 1]), change, 7, start),
  );
  expect(Buffer.concat(parts)).toEqual(Buffer.from(applyPhotometry(image.data, change, 7)));
});

test("photometry is contrast about mid grey, then an offset, clamped", () => {
  const change = { contrast: 2, offset: [0, 0.1, -1], noise: 0 } as const;
  expect([...applyPhotometry(Uint8Array.of(127, 128, 128, 250, 3, 200), change, 0)]).toEqual([
    126, 154, 0, 255, 0, 18,
  ]);
});

test("noise has the deviation asked for, and no mean", () => {
  const values = applyPhotometry(
    new Uint8Array(30_000).fill(128),
    { contrast: 1, offset: [0, 0, 0], noise: 0.1 },
    3,
  );
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  expect(mean).toBeCloseTo(128, 0);
  expect(Math.sqrt(variance) / 255).toBeCloseTo(0.1, 2);
});
