import { lastValueFrom, toArray } from "rxjs";
import { expect, test } from "vitest";
import { evaluator } from "../../arena/evaluation.ts";
import { sceneTests } from "../../arena/scene_tests.ts";
import { deriveSeed, type RandomStream } from "../../common/random.ts";
import { describedIn, misperceive } from "../../images/scenes/demonstrate.ts";
import { isOfKind, parseSceneQuestion, type SceneQuestion } from "../../images/scenes/questions.ts";
import type { Layout, Scene } from "../../images/scenes/scene.ts";
import { solve } from "../../images/scenes/solve.ts";
import { SceneSource } from "../../images/scenes/source.ts";
import type { AttributionFigures } from "../../replay/events.ts";
import { configOf } from "../fakes/config.ts";
import { FakePolicy, type Script } from "../fakes/policy.ts";
import { VirtualTime } from "../fakes/virtual_time.ts";

const config = configOf({
  evaluation: {
    ...{ questions: 70, scenes: 30, questionsPerChunk: 25, samples: 2, seed: 5 },
    dependence: { questions: 0 },
    hallucination: { pictures: 0 },
  },
  attribution: { samples: 3 },
});
const templates = {
  reasoner: "{question}",
  describer: "describe for {question}",
  reader: "{description} . {question}",
  format: "tags",
} as const;

/** What somebody does in each of the three places where an answer can go wrong. */
interface Person {
  describes(layout: Layout, question: SceneQuestion, stream: RandomStream): string;
  concludes(truth: string): string;
  answers(truth: string): string;
}

const knows = (truth: string) => `<answer> ${truth} </answer>`;
const errs = (truth: string) => `<answer> ${truth === "3" ? "4" : "3"} </answer>`;
const right: Person = { describes: (layout) => describedIn(layout), concludes: knows, answers: knows };

/** A description with one false fact among those that the question needs. */
function oneFalseFact(layout: Layout, question: SceneQuestion, stream: RandomStream): string {
  const asked = (seen: Layout) =>
    seen.objects.filter((thing) => question.kinds.some((kind) => isOfKind(thing, kind)));
  for (;;) {
    const slipped = misperceive(layout, stream);
    if (describedIn({ objects: asked(slipped) }) !== describedIn({ objects: asked(layout) }))
      return describedIn(slipped);
  }
}

test.each<[string, Partial<Person>, string | null]>([
  ["sees right and thinks right", {}, null],
  ["sees one false thing", { describes: oneFalseFact, concludes: errs, answers: errs }, "grounding"],
  ["draws a wrong conclusion", { concludes: errs, answers: errs }, "reasoning"],
  ["contradicts both", { answers: errs }, "fusion"],
  ["describes wrong and answers right", { describes: oneFalseFact }, "unfaithful"],
])("who %s is found out", async (_, change, cause) => {
  const figures = await examine({ ...right, ...change });
  expect(figures).toMatchObject({ answers: 70, usable: 1 });
  const { causes } = figures;
  expect(Object.entries(causes).filter(([, share]) => share === 1)).toEqual(cause ? [[cause, 1]] : []);
  expect(Object.values(causes).reduce<number>((sum, share) => sum + (share ?? 0), 0)).toBe(cause ? 1 : 0);
});

test("descriptions of nothing are no evidence", async () => {
  const figures = await examine({ ...right, describes: () => " " });
  expect(figures).toMatchObject({ answers: 70, usable: 0, described: null, concluded: null });
  expect(new Set(Object.values(figures.causes))).toEqual(new Set([null]));
});

async function examine(person: Person): Promise<AttributionFigures> {
  const scenes = await heldOut();
  const said = new Map<string, Scene>();
  const script: Script = ({ image, text }, stream) => {
    const scene = image && scenes.get(image.id);
    const asked = text.replace(/^describe for |^.* \. /, "");
    const question = parseSceneQuestion(asked) as SceneQuestion;
    if (scene && text.startsWith("describe")) {
      const description = person.describes(scene, question, stream);
      said.set(`${description} . ${asked}`, scene);
      return `<think> ${description} </think> <answer> done </answer>`;
    }
    const read = said.get(text);
    if (read) return person.concludes(solve(read, question).answer);
    return scene ? person.answers(solve(scene, question).answer) : knows("0");
  };
  const time = new VirtualTime();
  const asking = { templates, encode: () => new Int32Array(0), checkers: [] };
  const measure = evaluator(config, sceneTests(config.evaluation), asking);
  const updates = lastValueFrom(
    (measure as NonNullable<typeof measure>)(new FakePolicy({ script, time })).pipe(toArray()),
  );
  const beat = setInterval(() => void time.run(), 1);
  const last = (await updates.finally(() => clearInterval(beat))).at(-1);
  if (!last || !("report" in last) || !last.report.attribution) throw new Error("nobody looked for causes");
  return last.report.attribution.overall;
}

async function heldOut(): Promise<Map<string, Scene>> {
  const { domain, scenes, seed } = config.evaluation;
  const source = new SceneSource({ domain, count: scenes, seed: deriveSeed(seed, "held out") });
  const drawn = Array.from({ length: scenes }, async (_, index) => {
    return [(await source.draw(index)).id, source.scene(index)] as const;
  });
  return new Map(await Promise.all(drawn));
}
