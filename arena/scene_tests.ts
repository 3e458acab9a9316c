import { inParallel } from "../common/in_parallel.ts";
import { deriveSeed, RandomStream } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import type { RgbImage } from "../images/image.ts";
import { describe } from "../images/scenes/demonstrate.ts";
import { balancedQuestions, type TestQuestion } from "../images/scenes/draw.ts";
import { drawEdits } from "../images/scenes/edit_scene.ts";
import { families, formatQuestion, templates } from "../images/scenes/questions.ts";
import { renderScene } from "../images/scenes/render.ts";
import { SceneSource } from "../images/scenes/source.ts";
import { nameable } from "../images/scenes/vocabulary.ts";
import type { EvaluationConfig } from "./config/evaluation.ts";
import type { KnownPictures, TestEdits, Tests } from "./ports.ts";
import { sceneShows } from "./truth.ts";

/** Questions about held-out scenes, whose labels no training ever sees; null if none are wanted. */
export function sceneTests({ domain, scenes, questions, seed }: EvaluationConfig): Tests | null {
  if (questions === 0) return null;
  const source = new SceneSource({ domain, count: scenes, seed: deriveSeed(seed, "held out") });
  const tests = balancedQuestions(source, questions, seed).sort((a, b) => a.index - b.index);
  return {
    length: tests.length,
    groups: families,
    known: knownScenes(source),
    /** Each scene is drawn once. */
    async read(start, end) {
      const chunk = tests.slice(start, end);
      const indices = [...new Set(chunk.map(({ index }) => index))];
      const drawn = await inParallel(indices, 4, (index) => source.draw(index));
      const images = new Map(zip(indices, drawn));
      return chunk.map((test) => ({
        name: source.name(test.index),
        image: images.get(test.index) as RgbImage,
        question: formatQuestion(test.question),
        truths: [test.answer],
        group: test.question.family,
        edit: () => edit(source, test, seed),
        shows: (description) => sceneShows(source.scene(test.index), test.question, description),
      }));
    },
  };
}

/** What scenes show, and which absent things are easily taken for that: their colour and shape are there, in two other things. */
function knownScenes(source: SceneSource): KnownPictures {
  return {
    descriptions: Array.from({ length: source.length }, (_, index) => describe(source.scene(index))),
    vocabulary: nameable,
    askFor: (thing) => templates.exist.replace("A", thing),
    isAlike: (thing, there) => {
      const words = new Set(there.flatMap((each) => each.split(" ")));
      return thing.split(" ").every((word) => words.has(word));
    },
    async read(start, end) {
      const indices = Array.from({ length: end - start }, (_, i) => start + i);
      return new Map(zip(indices, await inParallel(indices, 4, (index) => source.draw(index))));
    },
  };
}

/** A test's scene with one thing changed, so that another answer is true, and so that the same is. */
async function edit(
  source: SceneSource,
  { index, question }: TestQuestion,
  seed: number,
): Promise<TestEdits> {
  const text = formatQuestion(question);
  const stream = new RandomStream(deriveSeed(seed, "edit", index, text));
  const { evidence, elsewhere } = drawEdits(source.scene(index), question, stream);
  return {
    evidence: evidence && { image: await renderScene(evidence.scene), truths: [evidence.answer] },
    elsewhere: elsewhere && { image: await renderScene(elsewhere.scene), question: text },
  };
}
