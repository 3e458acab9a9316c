import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { builtInTools } from "../../../environments/tools/registry.ts";
import { ToolRunner } from "../../../environments/tools/tool_runner.ts";
import { imageOf, type RgbImage } from "../../../images/image.ts";
import { mirror } from "../../../images/tiles.ts";
import type { TurnPart } from "../../../policy/port.ts";

/** 40 by 20: grey, a red box from 4, 2 to 10, 8 and two blue pixels in a row at 30, 10. */
const scene = painted(40, 20, (x, y) => {
  if (x >= 4 && x < 10 && y >= 2 && y < 8) return [220, 20, 20];
  return y === 10 && (x === 30 || x === 31) ? [20, 20, 220] : [200, 200, 200];
});

function painted(width: number, height: number, at: (x: number, y: number) => readonly number[]): RgbImage {
  const pixels = Array.from({ length: width * height }, (_, i) => at(i % width, Math.floor(i / width)));
  return imageOf(width, height, Uint8Array.from(pixels.flat()));
}

const runner = new ToolRunner([...builtInTools.values()], {
  timeLimitMs: 10_000,
  maxText: 4000,
  maxPixels: 1_000_000,
});

async function answer(name: string, given: object, images = [scene]): Promise<readonly TurnPart[]> {
  const context = { images, before: [], seed: 0, signal: new AbortController().signal };
  const { parts, fault } = await runner.answer({ name, arguments: given }, context);
  expect(fault, String(parts[0])).toBe(null);
  return parts;
}

const imageFrom = async (name: string, given: object, images = [scene]): Promise<RgbImage> =>
  (await answer(name, given, images))[0] as RgbImage;
const textFrom = async (name: string, given: object, images = [scene]): Promise<unknown> =>
  JSON.parse((await answer(name, given, images))[0] as string);

const pixel = ({ width, data }: RgbImage, x: number, y: number) => [
  ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
];

describe("on the original's pixels", () => {
  test("crop cuts out what a box covers, of the picture that is named", async () => {
    const part = await imageFrom("crop", { box: [100, 100, 250, 400] });
    expect(part).toEqual(painted(6, 6, () => [220, 20, 20]));
    const other = painted(8, 8, (x) => [x, 0, 0]);
    const second = await imageFrom("crop", { image: 2, box: [250, 0, 500, 1000] }, [scene, other]);
    expect(second).toEqual(painted(2, 8, (x) => [x + 2, 0, 0]));
  });

  test("zoom shows it as large as the picture, and sharper than a smaller one could", async () => {
    const part = await imageFrom("zoom", { box: [700, 450, 850, 600] });
    expect([part.width, part.height]).toEqual([40, 20]);
    const blue = Array.from({ length: 40 }, (_, x) => pixel(part, x, 10)).filter(
      ([r = 0, , b = 0]) => b > r + 100,
    );
    expect(blue.length).toBeGreaterThan(8);
    const speck = await imageFrom("zoom", { box: [500, 500, 501, 501] });
    expect([speck.width, speck.height]).toEqual([40, 40]);
  });

  test("rotate turns by quarters without loss, and by any angle", async () => {
    const turned = await imageFrom("rotate", { degrees: 90 });
    expect([turned.width, turned.height]).toEqual([20, 40]);
    expect(pixel(turned, 19 - 2, 4)).toEqual([220, 20, 20]);
    const back = await imageFrom("rotate", { degrees: 270 }, [turned]);
    expect(back).toEqual(scene);
    const askew = await imageFrom("rotate", { degrees: 45 });
    expect(pixel(askew, 0, 0)).toEqual([128, 128, 128]);
  });

  test("enhance stretches contrast about mid grey, brightens, and leaves all as it was by default", async () => {
    const strong = await imageFrom("enhance", { contrast: 2 });
    expect(pixel(strong, 0, 0).every((value) => value === 255)).toBe(true);
    expect(pixel(await imageFrom("enhance", { brightness: 0.5 }), 0, 0)).toEqual([100, 100, 100]);
    expect(await imageFrom("enhance", {})).toEqual(scene);
    expect(await imageFrom("enhance", { sharpen: true })).not.toEqual(scene);
  });

  test("annotate draws where it is told, and nothing but text can come of a label", async () => {
    const marks = [
      { box: [0, 0, 500, 1000], color: "lime", label: '"/><script>&' },
      {
        line: [
          [750, 0],
          [750, 1000],
        ],
        color: "blue",
      },
    ];
    const marked = await imageFrom("annotate", { marks });
    expect([marked.width, marked.height]).toEqual([40, 20]);
    expect(pixel(marked, 30, 15)[2]).toBeGreaterThan(150);
    expect(pixel(marked, 25, 15)).toEqual(pixel(scene, 25, 15));
    expect(marked).not.toEqual(scene);
    expect(
      await sharp(marked.data, { raw: { width: 40, height: 20, channels: 3 } }).metadata(),
    ).toMatchObject({ width: 40 });
  });

  test("measure gives lengths, angles, areas, colours and shares of brightness", async () => {
    expect(await textFrom("measure", { what: { kind: "length", from: [0, 0], to: [1000, 1000] } })).toEqual({
      pixels: 44.721,
    });
    const angle = {
      kind: "angle",
      corner: [500, 500],
      arms: [
        [1000, 500],
        [500, 0],
      ],
    };
    expect(await textFrom("measure", { what: angle })).toEqual({ degrees: 90 });
    const area = {
      kind: "area",
      corners: [
        [0, 0],
        [500, 0],
        [500, 500],
        [0, 500],
      ],
    };
    expect(await textFrom("measure", { what: area })).toEqual({ square_pixels: 200 });
    expect(await textFrom("measure", { what: { kind: "color", at: [150, 250] } })).toEqual({
      rgb: [220, 20, 20],
    });
    const histogram = await textFrom("measure", { what: { kind: "histogram" } });
    const dark = (36 + 2) / 800;
    expect((histogram as { from_dark_to_bright: number[] }).from_dark_to_bright[6]).toBeCloseTo(1 - dark, 2);
  });

  test("components counts regions of a colour, or of dark, where they touch along a side", async () => {
    expect(await textFrom("components", { color: [220, 20, 20] })).toEqual({
      count: 1,
      largest: [{ box: [100, 100, 250, 400], pixels: 36 }],
    });
    expect(await textFrom("components", { color: [20, 20, 220], min_pixels: 1 })).toMatchObject({ count: 1 });
    expect(await textFrom("components", { color: [20, 20, 220] })).toMatchObject({ count: 0 });
    expect(await textFrom("components", { min_pixels: 1 })).toMatchObject({ count: 2 });
    const board = painted(9, 9, (x, y) => ((x + y) % 2 === 0 ? [0, 0, 0] : [255, 255, 255]));
    expect(await textFrom("components", { min_pixels: 1 }, [board])).toMatchObject({ count: 41 });
    const huge = painted(700, 700, () => [0, 0, 0]);
    expect(await textFrom("components", {}, [huge])).toEqual({
      count: 1,
      largest: [{ box: [0, 0, 1000, 1000], pixels: 490_000 }],
    });
  });
});

test("a picture that becomes too large is not shown", async () => {
  const large = imageOf(1000, 900, new Uint8Array(3 * 1000 * 900));
  const context = { images: [large], before: [], seed: 0, signal: new AbortController().signal };
  const turned = (degrees: number) => runner.answer({ name: "rotate", arguments: { degrees } }, context);
  expect((await turned(90)).fault).toBe(null);
  expect(await turned(45)).toEqual({
    fault: "tooLarge",
    parts: [
      expect.stringMatching(
        /^error: tooLarge: a picture of 1\d+x1\d+ = 1\d+ pixels, expected at most 1000000/,
      ),
    ],
  });
});

test("equal calls about equal pictures are answered once", async () => {
  let runs = 0;
  const counting = { ...(builtInTools.get("crop") as NonNullable<ReturnType<typeof builtInTools.get>>) };
  const { run } = counting;
  const own = new ToolRunner([{ ...counting, run: (...given) => (runs++, run(...given)) }], {
    timeLimitMs: 1000,
    maxText: 10,
    maxPixels: 1_000_000,
  });
  const ask = (images: RgbImage[], box: number[]) =>
    own.answer(
      { name: "crop", arguments: { box } },
      { images, before: [], seed: 0, signal: new AbortController().signal },
    );
  const first = await ask([scene], [0, 0, 100, 100]);
  expect(await ask([scene], [0, 0, 100, 100])).toEqual(first);
  expect(runs).toBe(1);
  await ask([mirror(scene)], [0, 0, 100, 100]);
  await ask([scene], [0, 0, 100, 101]);
  expect(runs).toBe(3);
});
