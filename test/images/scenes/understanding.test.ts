import { describe as block, expect, test } from "vitest";
import { RandomStream } from "../../../common/random.ts";
import { demonstrate, describe, misperceive } from "../../../images/scenes/demonstrate.ts";
import { drawQuestion } from "../../../images/scenes/draw.ts";
import { families, isOfKind, type SceneQuestion } from "../../../images/scenes/questions.ts";
import { drawScene, type Layout } from "../../../images/scenes/scene.ts";
import { understandingOf } from "../../../images/scenes/understanding.ts";

const stream = new RandomStream(11);
const cases = Array.from({ length: 300 }, (_, i) => {
  const scene = drawScene("target", stream);
  return { scene, question: drawQuestion(families[i % families.length] as never, scene, stream) };
});
const chainOf = (layout: Layout, question: SceneQuestion) =>
  demonstrate(layout, question).replace(/<answer>.*/, "");

block("what a text says of a scene", () => {
  test("is wholly right where it is what the scene's own demonstration says, of every kind of question", () => {
    for (const { scene, question } of cases)
      expect(understandingOf(scene, question, chainOf(scene, question))).toBe(1);
  });

  test("is less right where something that is asked about was missed, invented or misread", () => {
    let slips = 0;
    for (const { scene, question } of cases) {
      const seen = misperceive(scene, stream);
      const asked = (layout: Layout) =>
        question.kinds.map((kind) =>
          layout.objects.filter((thing) => isOfKind(thing, kind)).map(({ cell }) => cell),
        );
      const isSame = JSON.stringify(asked(seen)) === JSON.stringify(asked(scene));
      const found = understandingOf(scene, question, chainOf(seen, question));
      if (isSame) expect(found).toBe(1);
      else {
        slips++;
        expect(found).toBeLessThan(1);
      }
    }
    expect(slips).toBeGreaterThan(50);
  });

  test("may be a description of all that is there, of which what nobody asked about is true, too", () => {
    for (const { scene, question } of cases) {
      const isThere = question.kinds.every((kind) => scene.objects.some((thing) => isOfKind(thing, kind)));
      if (isThere) expect(understandingOf(scene, question, describe(scene))).toBe(1);
    }
  });

  const scene: Layout = {
    objects: [
      { cell: "p03", color: "red", shape: "circle" },
      { cell: "p11", color: "red", shape: "circle" },
      { cell: "p20", color: "blue", shape: "cross" },
    ],
  };
  const red = { color: "red", shape: "circle" } as const;
  const count = { family: "count", kinds: [red] } as const;
  test.each([
    ["nothing", "", 0],
    ["other words only", "I look at the picture and think", 0],
    ["one of two", "red circle p03", 2 / 3],
    ["both, in words around them", "The red circles are in P03, and in p11!", 1],
    ["both, and one that is not there", "red circle p03 p11 p12", (2 * (2 / 3)) / (5 / 3)],
    ["the wrong kind", "blue circle p03 p11", 0],
    ["that there is none", "red circle", 0],
    ["a less exact kind", "circle p03 p11", 1],
    ["things by their cells", "p03 red circle p11 red circle", 1],
    ["a cell without a thing", "p03 p11 red circle", 2 / 3],
  ])("counts: %s", (_, text, wanted) => {
    expect(understandingOf(scene, count, text)).toBeCloseTo(wanted, 12);
  });

  test("of what is not there is right where it names the kind and no cell", () => {
    const absent = { kinds: [{ color: "green", shape: null }] } as const;
    expect(understandingOf(scene, absent, "green object")).toBe(1);
    expect(understandingOf(scene, absent, "green object p03")).toBe(0);
    expect(understandingOf(scene, absent, "crosses p20")).toBe(0);
  });
});
