import { describe, expect, test } from "vitest";
import { balancedQuestions, type TestQuestion } from "../../../images/scenes/draw.ts";
import { families, formatQuestion } from "../../../images/scenes/questions.ts";
import { columnOf, type DomainName, domains, rowOf, type Scene } from "../../../images/scenes/scene.ts";
import { solve, unanswerable } from "../../../images/scenes/solve.ts";
import { SceneSource } from "../../../images/scenes/source.ts";

const names: DomainName[] = ["source", "target"];

function source(domain: DomainName, count = 300, seed = 11): SceneSource {
  return new SceneSource({ domain, count, seed });
}

function all(scenes: SceneSource): Scene[] {
  return Array.from({ length: scenes.length }, (_, i) => scenes.scene(i));
}

describe.each(names)("%s scenes", (domain) => {
  test("have the domain's number of objects, at most one to a cell, in reading order", () => {
    const [least, most] = domains[domain].objects;
    const counts = new Set<number>();
    for (const { objects } of all(source(domain))) {
      counts.add(objects.length);
      const cells = objects.map(({ cell }) => cell);
      expect(cells).toEqual([...new Set(cells)].sort());
    }
    expect([...counts].sort()).toEqual(Array.from({ length: most - least + 1 }, (_, i) => least + i));
  });

  test("place and paint objects within the domain's limits", () => {
    const { jitter, radius, rotationDegrees } = domains[domain];
    for (const { objects } of all(source(domain))) {
      for (const { cell, x, y, radius: r, rotation } of objects) {
        expect(Math.abs(x - (columnOf(cell) * 16 + 8))).toBeLessThanOrEqual(jitter);
        expect(Math.abs(y - (rowOf(cell) * 16 + 8))).toBeLessThanOrEqual(jitter);
        expect(r).toBeGreaterThanOrEqual(radius[0]);
        expect(r).toBeLessThanOrEqual(radius[1]);
        expect(Math.abs(rotation)).toBeLessThanOrEqual(rotationDegrees);
      }
    }
  });

  test("are the same pixels for the same seed, and others for another", async () => {
    const image = await source(domain).draw(7);
    expect([image.width, image.height]).toEqual([64, 64]);
    expect(await source(domain, 8).draw(7)).toEqual(image);
    expect((await source(domain).draw(8)).id).not.toBe(image.id);
    expect((await source(domain, 300, 12).draw(7)).id).not.toBe(image.id);
  });

  test("show each object in its colour, and the background around it", async () => {
    const scenes = source(domain, 40);
    for (let i = 0; i < scenes.length; i++) {
      const { objects, background, cast } = scenes.scene(i);
      const { data } = await scenes.draw(i);
      for (const { x, y, paint } of objects) {
        // The middle 4x4 pixels lie inside every shape; their mean evens out the noise.
        const found = [0, 0, 0];
        for (let k = 0; k < 48; k++) {
          const at = (Math.floor(y) - 2 + ((k >> 2) % 4)) * 64 + Math.floor(x) - 2 + (k & 3);
          found[Math.floor(k / 16)] =
            (found[Math.floor(k / 16)] as number) + (data[at * 3 + Math.floor(k / 16)] as number) / 16;
        }
        const near = (rgb: readonly number[]) =>
          Math.hypot(...rgb.map((value, c) => (value + (cast[c] as number)) * 255 - (found[c] as number)));
        expect(near(paint)).toBeLessThan(near(background));
        expect(near(paint)).toBeLessThan(70);
      }
    }
  });
});

test("scenes have names, and an end", () => {
  const scenes = source("target", 3);
  expect(scenes.name(2)).toBe("target scene 2");
  expect(() => scenes.scene(3)).toThrow(RangeError);
  expect(() => scenes.scene(-1)).toThrow(RangeError);
});

describe.each(names)("balanced questions about %s scenes", (domain) => {
  const scenes = source(domain, 400);
  const questions = balancedQuestions(scenes, 1400, 5);

  test("are all different, right, and the same for the same seed", () => {
    expect(new Set(questions.map(({ index, question }) => `${index} ${formatQuestion(question)}`)).size).toBe(
      1400,
    );
    for (const { index, question, ...solution } of questions) {
      expect(solution).toEqual(solve(scenes.scene(index), question));
    }
    expect(balancedQuestions(scenes, 1400, 5)).toEqual(questions);
    expect(balancedQuestions(scenes, 1400, 6)).not.toEqual(questions);
  });

  test("are as many of each family, with the answers of a family balanced", () => {
    const share = (of: readonly TestQuestion[], answer: string) =>
      of.filter((item) => item.answer === answer).length / of.length;
    for (const family of families) {
      const own = questions.filter(({ question }) => question.family === family);
      expect(own).toHaveLength(200);
      const answers = [...new Set(own.map(({ answer }) => answer))];
      if (family === "exist" || family === "more") expect(share(own, "yes")).toBe(0.5);
      else if (family === "relation") expect([share(own, "yes"), share(own, "no")]).toEqual([0.4, 0.4]);
      else for (const answer of answers) expect(share(own, answer)).toBeLessThanOrEqual(0.25);
    }
    expect(share(questions, unanswerable)).toBeCloseTo(0.1, 1);
  });

  test("use many scenes", () => {
    expect(new Set(questions.map(({ index }) => index)).size).toBeGreaterThan(350);
  });
});

test("few scenes give what questions they have, then an error", () => {
  expect(balancedQuestions(source("target", 5), 70, 1)).toHaveLength(70);
  expect(() => balancedQuestions(source("target", 2), 500, 1)).toThrow(/2 scenes are too few for 500/);
  expect(() => balancedQuestions(source("target", 0), 1, 1)).toThrow(RangeError);
});
