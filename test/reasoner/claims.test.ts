import { describe, expect, test } from "vitest";
import { RandomStream } from "../../common/random.ts";
import { describe as enumerate, misperceive } from "../../images/scenes/demonstrate.ts";
import { drawScene } from "../../images/scenes/scene.ts";
import { nameable } from "../../images/scenes/vocabulary.ts";
import { type Claim, checkClaims, claimReader } from "../../reasoner/claims.ts";

const things = ["cat", "dog", "person", "dining table", "table", "wine glass", "knife", "bus", "teddy bear"];
const read = claimReader({ things });
const named = (text: string) => read(text).map(({ thing }) => thing);

describe("what a description claims", () => {
  test.each<[string, string[]]>([
    ["A cat sits on the dining table.", ["cat", "dining table"]],
    ["Two cats, three people and some knives", ["cat", "person", "knife"]],
    ["The dog chases the Dogs; a dog-like dog", ["dog"]],
    ["Buses wait beside wine-glasses and Teddy Bears", ["bus", "wine glass", "teddy bear"]],
    ["A category of catalogues, tabled", []],
    ["There is no cat on the table.", ["table"]],
    ["no cat or dog, but a bus", ["bus"]],
    ["I can not see any dog. A person stands there", ["person"]],
    ["The table isn't a dining table", ["table"]],
    ["a person without a cat", ["person"]],
    ["not only a cat but also a dog", ["cat", "dog"]],
    ["neither cats nor dogs; a table", ["table"]],
    ["", []],
  ])("%s", (text, expected) => expect(named(text)).toEqual(expected));

  test("of a scene are what its demonstration lists, each in its place", () => {
    const scene = claimReader(nameable);
    for (let seed = 0; seed < 50; seed++) {
      const stream = new RandomStream(seed);
      const layout = drawScene("target", stream);
      const truth = layout.objects.map(({ cell, color, shape }) => ({
        thing: `${color} ${shape}`,
        place: cell,
      }));
      expect(scene(enumerate(layout))).toEqual(truth);
      const slip = checkClaims(scene(enumerate(misperceive(layout, stream))), truth);
      expect(slip.invented.length + slip.missed.length).toBeGreaterThan(0);
      expect(slip.invented.length).toBeLessThanOrEqual(1);
    }
  });
});

describe("claims are held against what is there", () => {
  const claim = (text: string): Claim => {
    const [place, thing] = text.includes(":") ? text.split(":") : [null, text];
    return { place: place as string | null, thing: thing as string };
  };
  test.each<[string[], string[], string[], string[], string[]]>([
    [["cat", "dog"], ["dog", "bus"], ["dog"], ["cat"], ["bus"]],
    [["p03:red circle"], ["p04:red circle"], [], ["p03:red circle"], ["p04:red circle"]],
    [["red circle"], ["p04:red circle", "p11:red circle"], ["red circle"], [], []],
    [["p03:cat"], ["cat"], ["p03:cat"], [], []],
    [[], ["cat"], [], [], ["cat"]],
  ])("%j against %j", (claims, there, right, invented, missed) => {
    expect(checkClaims(claims.map(claim), there.map(claim))).toEqual({
      right: right.map(claim),
      invented: invented.map(claim),
      missed: missed.map(claim),
      there: there.length,
    });
  });
});
