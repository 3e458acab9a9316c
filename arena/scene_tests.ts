import { inParallel } from "../common/in_parallel.ts";
import { deriveSeed } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import type { RgbImage } from "../images/image.ts";
import { balancedQuestions } from "../images/scenes/draw.ts";
import { families, formatQuestion } from "../images/scenes/questions.ts";
import { SceneSource } from "../images/scenes/source.ts";
import type { EvaluationConfig } from "./config/evaluation.ts";
import type { Tests } from "./ports.ts";

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
      return chunk.map(({ index, question, answer }) => ({
        name: source.name(index),
        image: images.get(index) as RgbImage,
        question: formatQuestion(question),
        truths: [answer],
        group: question.family,
      }));
    },
  };
}
