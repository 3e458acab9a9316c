import { describe, expect, test } from "vitest";
import { RandomStream } from "../../../common/random.ts";
import { ask, demonstrate, describe as enumerate, misperceive } from "../../../images/scenes/demonstrate.ts";
import { drawQuestion } from "../../../images/scenes/draw.ts";
import {
  families,
  formatQuestion,
  parseSceneQuestion,
  type SceneQuestion,
} from "../../../images/scenes/questions.ts";
import type { Layout, Thing } from "../../../images/scenes/scene.ts";
import { solve, unanswerable } from "../../../images/scenes/solve.ts";
import { SceneSource } from "../../../images/scenes/source.ts";
import { vocabulary } from "../../../images/scenes/vocabulary.ts";

/** A layout from "p03 red circle, p11 blue square". */
function layout(text: string): Layout {
  return {
    objects: text.split(", ").map((thing) => {
      const [cell, color, shape] = thing.split(" ");
      return { cell, color, shape } as Thing;
    }),
  };
}

function parse(text: string): SceneQuestion {
  const question = parseSceneQuestion(text);
  if (!question) throw new Error(`no question: ${text}`);
  return question;
}

const scene = layout("p00 blue square, p03 red circle, p11 red circle, p20 green cross, p31 red triangle");
const scenes = new SceneSource({ domain: "target", count: 60, seed: 4 });
const targets = Array.from({ length: scenes.length }, (_, i) => scenes.scene(i));

/** Ten questions of every family about every target scene. */
const drawn = targets.flatMap((target, i) => {
  const stream = new RandomStream(i);
  return families.flatMap((family) =>
    Array.from({ length: 10 }, () => ({ target, question: drawQuestion(family, target, stream) })),
  );
});

describe("solve", () => {
  test.each([
    ["how many red circle ?", "2", "p03 p11"],
    ["how many red object ?", "3", "p03 p11 p31"],
    ["how many yellow cross ?", "0", ""],
    ["is there a blue square ?", "yes", "p00"],
    ["is there a blue cross ?", "no", ""],
    ["what color is the cross ?", "green", "p20"],
    ["what color is the circle ?", unanswerable, "p03 p11"],
    ["what shape is the blue object ?", "square", "p00"],
    ["what shape is the purple object ?", unanswerable, ""],
    ["are there more circle than square ?", "yes", "p00 p03 p11"],
    ["are there more cross than square ?", "no", "p00 p20"],
    ["is the blue square left of the triangle ?", "yes", "p00 p31"],
    ["is the green cross left of the blue square ?", "no", "p00 p20"],
    ["is the green cross below the blue square ?", "yes", "p00 p20"],
    ["is the triangle right of the green cross ?", "yes", "p20 p31"],
    ["is the triangle above the green cross ?", "no", "p20 p31"],
    ["is the circle above the cross ?", unanswerable, "p03 p11 p20"],
    ["how many circle plus green cross ?", "3", "p03 p11 p20"],
  ])("%s %s", (text, answer, evidence) => {
    expect(solve(scene, parse(text))).toEqual({ answer, evidence: evidence.split(" ").filter(Boolean) });
  });

  test("evidence is what is counted, in reading order", () => {
    for (const { target, question } of drawn) {
      const { answer, evidence } = solve(target, question);
      expect(evidence).toEqual([...new Set(evidence)].sort());
      for (const cell of evidence) expect(target.objects.some((thing) => thing.cell === cell)).toBe(true);
      if (question.family === "count" || question.family === "sum") expect(answer).toBe(`${evidence.length}`);
      if (question.family === "exist") expect(answer).toBe(evidence.length > 0 ? "yes" : "no");
      if (question.family === "color" || question.family === "shape") {
        expect(answer === unanswerable).toBe(evidence.length !== 1);
      }
    }
  });

  test("opposite sides have opposite answers, or none", () => {
    const opposite = { left: "right", right: "left", above: "below", below: "above" } as const;
    for (const { target, question } of drawn) {
      if (question.family !== "relation") continue;
      const [a, b] = question.kinds;
      const turned = { ...question, kinds: [b, a], side: opposite[question.side] } as const;
      expect(solve(target, turned)).toEqual(solve(target, question));
      const mirrored = solve(target, { ...question, kinds: [b, a] }).answer;
      if (solve(target, question).answer === "yes") expect(mirrored).toBe("no");
    }
  });
});

describe("the question language", () => {
  test("every drawn question survives a round trip", () => {
    const stream = new RandomStream(1);
    const atLarge = families.flatMap((family) =>
      Array.from({ length: 200 }, () => drawQuestion(family, null, stream)),
    );
    for (const question of [...atLarge, ...drawn.map(({ question }) => question)]) {
      expect(parseSceneQuestion(formatQuestion(question))).toEqual(question);
    }
    expect(new Set(atLarge.map(formatQuestion)).size).toBeGreaterThan(500);
  });

  test("questions drawn about scenes have balanced answers", () => {
    for (const family of families) {
      const own = drawn.filter(({ question }) => question.family === family);
      const counts = new Map<string, number>();
      for (const { target, question } of own) {
        const { answer } = solve(target, question);
        counts.set(answer, (counts.get(answer) ?? 0) + 1 / own.length);
      }
      const atMost = family === "exist" || family === "more" ? 0.55 : 0.45;
      for (const [answer, share] of counts) expect(share, `${family} ${answer}`).toBeLessThan(atMost);
    }
  });

  test.each([
    "",
    "how many",
    "how many ?",
    "how many object ?",
    "how many red ?",
    "how many circle red ?",
    "how many pink circle ?",
    "How many red circle ?",
    "how many  red circle ?",
    " how many red circle ?",
    "how many red circle ? ",
    "how many red circle",
    "how many red circle ? ?",
    "how many red circle ?\n",
    "is there a red circle",
    "what color is the red circle ?",
    "what color is the red object ?",
    "what shape is the red circle ?",
    "what shape is the circle ?",
    "are there more circle than circle ?",
    "how many circle plus object ?",
    "is the circle near the square ?",
    "is the circle left the square ?",
    "are there more red circle than red circle ?",
    "<question> how many red circle ? </question>",
  ])("no meaning: %j", (text) => {
    expect(parseSceneQuestion(text)).toBeNull();
  });
});

describe("demonstrations", () => {
  test("name the evidence, then answer", () => {
    expect(demonstrate(scene, parse("how many red circle ?"))).toBe(
      "<think> red circle p03 p11 </think> <answer> 2 </answer>",
    );
    expect(demonstrate(scene, parse("is there a blue cross ?"))).toBe(
      "<think> blue cross </think> <answer> no </answer>",
    );
    expect(ask(parse("how many red circle ?"))).toBe("<question> how many red circle ? </question>");
  });

  test("descriptions list everything", () => {
    const two = layout("p03 red circle, p11 blue square");
    expect(enumerate(two)).toBe("<think> p03 red circle p11 blue square </think> <answer> done </answer>");
    expect(enumerate({ objects: [] })).toBe("<think> </think> <answer> done </answer>");
    for (const target of targets) {
      const things = enumerate(target).match(/p\d\d \w+ \w+/g) ?? [];
      expect(layout(things.join(", "))).toEqual({
        objects: target.objects.map(({ cell, color, shape }) => ({ cell, color, shape })),
      });
    }
  });

  test("a careless annotator makes one slip, and answers what it saw", () => {
    const stream = new RandomStream(8);
    const slips = { "-1": 0, "0": 0, "1": 0 };
    let wrong = 0;
    for (const { target, question } of drawn) {
      const seen = misperceive(target, stream);
      slips[`${seen.objects.length - target.objects.length}` as keyof typeof slips]++;
      const changed = seen.objects.filter((thing) => !target.objects.includes(thing as never));
      expect(changed.length).toBeLessThanOrEqual(1);
      expect(Math.abs(seen.objects.length - target.objects.length) + changed.length).toBeGreaterThanOrEqual(
        1,
      );
      expect(seen.objects.map(({ cell }) => cell)).toEqual(
        [...new Set(seen.objects.map(({ cell }) => cell))].sort(),
      );

      const { answer, evidence } = solve(seen, question);
      const reply = demonstrate(seen, question);
      expect(reply).toContain(`</think> <answer> ${answer} </answer>`);
      expect(reply.match(/p\d\d/g) ?? []).toEqual(expect.arrayContaining([...evidence]));
      expect(reply.match(/p\d\d/g) ?? []).toHaveLength(evidence.length);
      if (answer !== solve(target, question).answer) wrong++;
    }
    for (const count of Object.values(slips)) expect(count / drawn.length).toBeCloseTo(1 / 3, 1);
    expect(wrong / drawn.length).toBeGreaterThan(0.1);
    expect(wrong / drawn.length).toBeLessThan(0.5);
  });

  test("an empty and a full grid can be misperceived too", () => {
    const stream = new RandomStream(2);
    expect(misperceive({ objects: [] }, stream).objects).toHaveLength(1);
    const cells = Array.from({ length: 16 }, (_, i) => `p${i >> 2}${i & 3}`);
    const full = layout(cells.map((cell) => `${cell} red circle`).join(", "));
    for (let i = 0; i < 20; i++) expect(misperceive(full, stream)).not.toEqual(full);
  });
});

test("the vocabulary holds every word, once, and no other", () => {
  const used = new Set<string>();
  for (const { target, question } of drawn) {
    for (const text of [ask(question), demonstrate(target, question), enumerate(target)]) {
      for (const word of text.split(" ")) used.add(word);
    }
  }
  expect(new Set(vocabulary).size).toBe(vocabulary.length);
  expect(vocabulary.length).toBeLessThanOrEqual(90);
  expect([...used].filter((word) => !vocabulary.includes(word))).toEqual([]);
  expect(vocabulary.filter((word) => !used.has(word) && !/^[0-9]$/.test(word))).toEqual([]);
});
