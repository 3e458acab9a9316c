import { describe, expect, test } from "vitest";
import { photoEdits, regionsIn } from "../../../arena/looking/photo_edits.ts";
import { RandomStream } from "../../../common/random.ts";
import { mirror, type Region } from "../../../images/edit.ts";
import { imageOf, type RgbImage } from "../../../images/image.ts";

const stream = new RandomStream(2);
const image = imageOf(
  40,
  30,
  Uint8Array.from({ length: 3600 }, () => stream.integer(100)),
);
const picture = { width: 400, height: 300 };

describe("regions in a cell of data", () => {
  test.each<[string, Region[]]>([
    ["[100, 30, 200, 90]", [{ left: 10, top: 3, width: 10, height: 6 }]],
    ["[0.25, 0.1, 0.5, 0.3]", [{ left: 10, top: 3, width: 10, height: 6 }]],
    [
      '[{"bbox": [100, 30, 200, 90]}, {"bbox": [0, 0, 5, 5]}]',
      [
        { left: 10, top: 3, width: 10, height: 6 },
        { left: 0, top: 0, width: 1, height: 1 },
      ],
    ],
    ["[500, 10, 600, 20]", []],
    ["", []],
    ["nowhere", []],
  ])("%s", (cell, regions) => expect(regionsIn(cell, picture, image)).toEqual(regions));
});

/** How many pixels differ, inside a region and outside of it. */
function changes(after: RgbImage, { left, top, width, height }: Region): { inside: number; outside: number } {
  const counts = { inside: 0, outside: 0 };
  for (let i = 0; i < 1200; i++) {
    if (after.data.subarray(3 * i, 3 * i + 3).join() === image.data.subarray(3 * i, 3 * i + 3).join())
      continue;
    const [x, y] = [i % 40, Math.floor(i / 40)];
    const isInside = x >= left && x < left + width && y >= top && y < top + height;
    counts[isInside ? "inside" : "outside"]++;
  }
  return counts;
}

describe("edits of a labelled photograph", () => {
  const region = { left: 10, top: 3, width: 10, height: 6 };
  const asked = { image, question: "What is in the cup?", truths: ["tea"] };

  test("cover its region, and for comparison as much of something else", () => {
    for (let seed = 0; seed < 20; seed++) {
      const { evidence, elsewhere } = photoEdits(asked, [region], seed);
      expect(evidence?.truths).toBeNull();
      expect(changes(evidence?.image as RgbImage, region)).toEqual({ inside: 60, outside: 0 });
      expect(changes(elsewhere?.image as RgbImage, region)).toEqual({ inside: 0, outside: 60 });
      expect(elsewhere?.question).toBe(asked.question);
    }
  });

  test("have nothing to compare with where the region leaves no room", () => {
    const { evidence, elsewhere } = photoEdits(asked, [{ left: 0, top: 0, width: 35, height: 25 }], 1);
    expect([evidence?.truths, elsewhere]).toEqual([null, null]);
  });

  test("are a mirror where it is about sides: the answer changes side, or the question does and it stays", () => {
    const side = photoEdits({ ...asked, question: "Which side is the cup on?", truths: ["left"] }, [], 1);
    expect(side).toEqual({ evidence: { image: mirror(image), truths: ["right"] }, elsewhere: null });
    const what = photoEdits({ ...asked, question: "What is left of the cup?" }, [], 1);
    const elsewhere = { image: mirror(image), question: "What is right of the cup?" };
    expect(what).toEqual({ evidence: null, elsewhere });
  });

  test("are none where nothing says what decides", () => {
    expect(photoEdits(asked, [], 1)).toEqual({ evidence: null, elsewhere: null });
  });
});
