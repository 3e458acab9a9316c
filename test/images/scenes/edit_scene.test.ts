import { describe, expect, test } from "vitest";
import { RandomStream } from "../../../common/random.ts";
import { drawQuestion } from "../../../images/scenes/draw.ts";
import { drawEdits, editsOf, sceneEdits } from "../../../images/scenes/edit_scene.ts";
import { families, formatQuestion, isOfKind } from "../../../images/scenes/questions.ts";
import { renderScene } from "../../../images/scenes/render.ts";
import { cells, columnOf, rowOf, type Scene } from "../../../images/scenes/scene.ts";
import { solve } from "../../../images/scenes/solve.ts";
import { SceneSource } from "../../../images/scenes/source.ts";

const source = new SceneSource({ domain: "target", count: 40, seed: 8 });
const scenes = Array.from({ length: source.length }, (_, i) => source.scene(i));

const things = ({ objects }: Scene) => objects.map(({ cell, color, shape }) => `${cell} ${color} ${shape}`);

describe("edits of a scene", () => {
  test("are all that change one thing: its colour, shape or place, or take it away", () => {
    for (const scene of scenes) {
      const edits = editsOf(scene);
      expect(edits).toHaveLength(scene.objects.length * (5 + 3 + 1 + cells.length - scene.objects.length));
      const before = things(scene);
      const seen = new Set([before.join()]);
      for (const { edit, scene: edited } of edits) {
        const after = things(edited);
        expect(after).toEqual([...after].sort());
        expect(before.filter((thing) => !after.includes(thing))).toHaveLength(1);
        expect(after.filter((thing) => !before.includes(thing))).toHaveLength(edit === "removed" ? 0 : 1);
        seen.add(after.join());
      }
      expect(seen.size).toBe(edits.length + 1);
    }
  });

  test("leave every pixel that is not near the thing", async () => {
    const stream = new RandomStream(3);
    for (const [i, scene] of scenes.entries()) {
      const { scene: edited, before, after } = stream.pick(editsOf(scene));
      const [one, other] = [await source.draw(i), await renderScene(edited)];
      let changed = 0;
      for (let p = 0; p < 64 * 64; p++) {
        if (one.data.subarray(3 * p, 3 * p + 3).join() === other.data.subarray(3 * p, 3 * p + 3).join())
          continue;
        changed++;
        const near = [before, after].some(
          (thing) => thing && Math.hypot(thing.x - (p % 64), thing.y - Math.floor(p / 64)) < 14,
        );
        expect(near).toBe(true);
      }
      expect(changed).toBeGreaterThan(20);
    }
  });

  test("move a thing as far from its new cell's middle as it was from the old", () => {
    const offset = ({ cell, x, y }: { cell: Scene["objects"][number]["cell"]; x: number; y: number }) => [
      x - 16 * columnOf(cell),
      y - 16 * rowOf(cell),
    ];
    for (const scene of scenes)
      for (const { edit, before, after } of editsOf(scene))
        if (edit === "moved" && after) {
          const [was, is] = [offset(before), offset(after)];
          expect(is[0]).toBeCloseTo(was[0] as number);
          expect(is[1]).toBeCloseTo(was[1] as number);
        }
  });
});

test("of thousands of drawn edits, those of the evidence change the answer, the others never, nor what was asked about", () => {
  const kinds = new Map<string, number>();
  let [drawn, withEvidence, withElsewhere] = [0, 0, 0];
  for (const [i, scene] of scenes.entries()) {
    const stream = new RandomStream(i);
    for (const family of families) {
      for (let k = 0; k < 12; k++) {
        const question = drawQuestion(family, scene, stream);
        const truth = solve(scene, question);
        const { evidence, elsewhere } = drawEdits(scene, question, stream);
        drawn++;
        if (evidence) {
          withEvidence++;
          kinds.set(evidence.edit, (kinds.get(evidence.edit) ?? 0) + 1);
          expect(evidence.answer, formatQuestion(question)).toBe(solve(evidence.scene, question).answer);
          expect(evidence.answer).not.toBe(truth.answer);
        }
        if (!elsewhere) continue;
        withElsewhere++;
        expect(solve(elsewhere.scene, question)).toEqual(truth);
        for (const kind of question.kinds) expect(isOfKind(elsewhere.before, kind)).toBe(false);
      }
    }
  }
  expect(drawn).toBe(3360);
  // Where one kind outnumbers another by two, no single thing changes that.
  expect(withEvidence / drawn).toBeGreaterThan(0.85);
  expect(withElsewhere / drawn).toBeGreaterThan(0.97);
  for (const edit of sceneEdits) expect(kinds.get(edit)).toBeGreaterThan(50);
});
