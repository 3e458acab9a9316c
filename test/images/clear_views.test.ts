import { describe, expect, it } from "vitest";
import { blurred } from "../../images/blurred.ts";
import { clearView } from "../../images/clear_views.ts";
import { imageOf, type RgbImage } from "../../images/image.ts";

const [width, height] = [24, 16];

/** A picture by what stands at each column, row and channel. */
function picture(valueAt: (x: number, y: number, channel: number) => number): RgbImage {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return valueAt(pixel % width, Math.floor(pixel / width), i % 3);
  });
  return imageOf(width, height, data);
}

const mean = (data: ArrayLike<number>, channel: number): number => {
  const values = Array.from({ length: data.length / 3 }, (_, i) => data[3 * i + channel] as number);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
};

/** Dark on the left, bright on the right, under red light. */
const dim = picture((x, _, channel) => (x < width / 2 ? 30 : 140) * (channel === 0 ? 1 : 0.7));

describe("clear views", () => {
  it("begin with the image itself; each is of its size, another one, and the same again", async () => {
    expect(await clearView(dim, 0, 5)).toBe(dim);
    const viewed = () => Promise.all([1, 2, 3, 4, 5].map((k) => clearView(dim, k, 5)));
    const views = await viewed();
    for (const view of views)
      expect([view.width, view.height, view.data.length]).toEqual([width, height, 3 * width * height]);
    expect(new Set([dim, ...views].map(({ id }) => id)).size).toBe(6);
    expect(new Set([dim, ...views].map(({ data }) => data.join())).size).toBe(6);
    expect(await viewed()).toEqual(views);
    expect((await clearView(dim, 1, 6)).id).not.toBe(views[0]?.id);
  });

  it("brighten: exposed so that the brightest is white, or with lifted shadows", async () => {
    const exposed = await clearView(dim, 1, 5);
    expect(Math.max(...exposed.data)).toBe(255);
    for (const k of [1, 2, 3]) {
      const { data } = await clearView(dim, k, 5);
      for (const channel of [0, 1, 2]) expect(mean(data, channel)).toBeGreaterThan(mean(dim.data, channel));
    }
  });

  it("take a cast of light away", async () => {
    const { data } = await clearView(dim, 2, 5);
    const cast = (values: ArrayLike<number>) => mean(values, 0) / mean(values, 1);
    expect(cast(dim.data)).toBeCloseTo(1 / 0.7, 1);
    expect(Math.abs(cast(data) - 1)).toBeLessThan(0.02);
  });

  it("take grain away, and move nothing", async () => {
    const grained = picture((x, y) => (x < width / 2 ? 60 : 200) + ((x + y) % 2 === 0 ? 25 : -25));
    const soft = await clearView(grained, 2, 5);
    const spread = ({ data }: RgbImage) =>
      Math.abs((data[3 * (2 * width + 3)] as number) - (data[3 * (2 * width + 4)] as number));
    expect(spread(soft)).toBeLessThan(spread(grained) / 3);
    for (const k of [1, 2, 3]) {
      const { data } = await clearView(grained, k, 5);
      for (let x = 0; x < width; x++)
        if (x < width / 2 - 3 || x >= width / 2 + 3)
          expect((data[3 * (5 * width + x)] as number) < 155).toBe(x < width / 2);
    }
  });

  it("of a black, a white or a large picture are pictures", async () => {
    for (const k of [1, 2, 3]) {
      expect(
        new Set(
          (
            await clearView(
              picture(() => 0),
              k,
              5,
            )
          ).data,
        ),
      ).toEqual(new Set([0]));
      const { data } = await clearView(
        picture(() => 255),
        k,
        5,
      );
      expect(Math.min(...data)).toBeGreaterThan(240);
    }
    const large = imageOf(
      700,
      500,
      new Uint8Array(3 * 700 * 500).map((_, i) => (i * 7919) % 200),
    );
    expect((await clearView(large, 1, 5)).data.length).toBe(large.data.length);
  });
});

describe("blurring", () => {
  it("keeps what is even, and the sum of a point, which it spreads as a Gaussian does", async () => {
    const even = picture((_x, _y, channel) => 40 * (channel + 1));
    expect(await blurred(even, 0.8)).toEqual(even.data);
    const point = picture((x, y) => (x === 12 && y === 8 ? 255 : 0));
    const spread = await blurred(point, 0.8);
    const at = (x: number, y: number) => spread[3 * (y * width + x)] as number;
    const ratio = Math.exp(-1 / (2 * 0.8 ** 2));
    expect(at(13, 8) / at(12, 8)).toBeCloseTo(ratio, 1);
    expect(at(13, 9) / at(12, 8)).toBeCloseTo(ratio ** 2, 1);
    expect([at(11, 8), at(12, 7), at(12, 9)]).toEqual(new Array(3).fill(at(13, 8)));
    const sum = spread.reduce((total, value) => total + value, 0) / 3;
    expect(Math.abs(sum - 255)).toBeLessThan(8);
  });
});
