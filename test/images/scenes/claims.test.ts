import { expect, test } from "vitest";
import { RandomStream } from "../../../common/random.ts";
import { claimsIn, isTrue, suffice } from "../../../images/scenes/claims.ts";
import { describedIn, evidenceIn, misperceive } from "../../../images/scenes/demonstrate.ts";
import { drawQuestion } from "../../../images/scenes/draw.ts";
import { families, parseSceneQuestion, type SceneQuestion } from "../../../images/scenes/questions.ts";
import { drawScene, type Layout } from "../../../images/scenes/scene.ts";
import { solve } from "../../../images/scenes/solve.ts";

test("descriptions and evidence are read again, are true, and suffice for any question", () => {
  const stream = new RandomStream(3);
  for (let i = 0; i < 200; i++) {
    const scene = drawScene("target", stream);
    const question = drawQuestion(stream.pick(families), scene, stream);
    const described = claimsIn(describedIn(scene));
    expect(described.map(({ kind, cell }) => ({ ...kind, cell }))).toEqual(
      scene.objects.map(({ color, shape, cell }) => ({ color, shape, cell })),
    );
    for (const claims of [described, claimsIn(evidenceIn(scene, question))]) {
      expect(claims.every((claim) => isTrue(claim, scene))).toBe(true);
      expect(suffice(claims, scene, question)).toBe(true);
    }
  }
});

test("what would change the answer never suffices", () => {
  const stream = new RandomStream(4);
  let changed = 0;
  for (let i = 0; i < 500; i++) {
    const scene = drawScene("target", stream);
    const question = drawQuestion(stream.pick(families), scene, stream);
    const seen = misperceive(scene, stream);
    if (solve(seen, question).answer === solve(scene, question).answer) continue;
    changed++;
    expect(suffice(claimsIn(describedIn(seen)), scene, question)).toBe(false);
  }
  expect(changed).toBeGreaterThan(50);
});

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
  ["red object p00", true],
  ["p01 red circle p11 blue square", false],
  ["p00 red square p11 blue square", false],
  ["p11 blue square", false],
  ["p00 red circle p22 red cross", false],
  ["red object", false],
  ["nothing at all", false],
])("of %j a question about red things needs what is %j", (description, expected) => {
  const question = parseSceneQuestion("how many red object ?") as SceneQuestion;
  expect(suffice(claimsIn(description), layout, question)).toBe(expected);
});
