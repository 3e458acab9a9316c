import { deriveSeed, RandomStream } from "../common/random.ts";
import { demonstrate } from "../images/scenes/demonstrate.ts";
import { drawQuestion } from "../images/scenes/draw.ts";
import { families, formatQuestion } from "../images/scenes/questions.ts";
import { solve } from "../images/scenes/solve.ts";
import type { SceneSource } from "../images/scenes/source.ts";
import { writtenIn } from "../reasoner/written.ts";
import type { KnownQuestions } from "./question.ts";

/** A question about each scene of a source, drawn anew for every seed, with the answer that the scene implies. */
export function sceneQuestions(source: SceneSource): KnownQuestions {
  return {
    name: `${source.domain} scenes`,
    length: source.length,
    async at(index, { seed }) {
      const stream = new RandomStream(deriveSeed(seed, "scene question"));
      const scene = source.scene(index);
      const question = drawQuestion(stream.pick(families), scene, stream);
      const { image, file } = await source.load(index);
      const { answer } = solve(scene, question);
      return {
        name: source.name(index),
        images: [image],
        question: formatQuestion(question),
        truths: [answer],
        chain: writtenIn(demonstrate(scene, question)).chain,
        file,
      };
    },
  };
}
