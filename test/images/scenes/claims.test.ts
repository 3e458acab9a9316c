import { expect, test } from "vitest";
import { RandomStream } from "../../../common/random.ts";
import { areThere, thingsIn } from "../../../images/scenes/claims.ts";
import { describedIn } from "../../../images/scenes/demonstrate.ts";
import { parseSceneQuestion, type SceneQuestion } from "../../../images/scenes/questions.ts";
import { drawScene, type Layout } from "../../../images/scenes/scene.ts";

test("what is described is read again", () => {
  const stream = new RandomStream(3);
  for (let i = 0; i < 50; i++) {
    const { objects } = drawScene("target", stream);
    const things = objects.map(({ cell, color, shape }) => ({ cell, color, shape }));
    expect(thingsIn(describedIn({ objects }))).toEqual(things);
  }
});

test.each(["red circle", "p03 circle red", "p44 red circle", "nothing at all", "p03 red circle p11"])(
  "%j is no list of things",
  (description) => {
    expect(thingsIn(description)).toBeNull();
  },
);

const layout: Layout = {
  objects: [
    { cell: "p00", color: "red", shape: "circle" },
    { cell: "p11", color: "blue", shape: "square" },
  ],
};

test.each([
  ["p00 red circle p11 blue square", true],
  ["p11 blue square p00 red circle", true],
  ["p00 red circle", true],
  ["p00 red circle p11 green cross", true],
  ["p01 red circle p11 blue square", false],
  ["p00 red square p11 blue square", false],
  ["p11 blue square", false],
  ["p00 red circle p22 red cross", false],
])("of %j a question about red things needs what is %j", (description, expected) => {
  const question = parseSceneQuestion("how many red object ?") as SceneQuestion;
  expect(areThere(thingsIn(description) ?? [], layout, question)).toBe(expected);
});
