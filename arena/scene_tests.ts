import { inParallel } from "../common/in_parallel.ts";
import { deriveSeed, RandomStream } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import type { RgbImage } from "../images/image.ts";
import { balancedQuestions, type TestQuestion } from "../images/scenes/draw.ts";
import { drawEdits } from "../images/scenes/edit_scene.ts";
import { families, formatQuestion } from "../images/scenes/questions.ts";
import { renderScene } from "../images/scenes/render.ts";
import { SceneSource } from "../images/scenes/source.ts";
import type { EvaluationConfig } from "./config/evaluation.ts";
import type { TestEdits, Tests } from "./ports.ts";

/** Questions about held-out scenes, whose labels no training ever sees; null if none are wanted. */
export function sceneTests({ domain, scenes, questions, seed }: EvaluationConfig): Tests | null {
  if (questions === 0) return null;
  const source = new SceneSource({ domain, count: scenes, seed: deriveSeed(seed, "held out") });
  const tests = balancedQuestions(source, questions, seed).sort((a, b) => a.index - b.index);
  return {
    length: tests.length,
    groups: families,
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
      }));
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
