import { deriveSeed, RandomStream } from "../common/random.ts";
import { demonstrate } from "../images/scenes/demonstrate.ts";
import { drawQuestion } from "../images/scenes/draw.ts";
import { families, formatQuestion, type SceneQuestion } from "../images/scenes/questions.ts";
import type { Layout } from "../images/scenes/scene.ts";
import { solve } from "../images/scenes/solve.ts";
import type { SceneSource } from "../images/scenes/source.ts";
import { understandingOf } from "../images/scenes/understanding.ts";
import { writtenIn } from "../reasoner/written.ts";
import type { KnownQuestions } from "./question.ts";

/** What is in a scene, and what is asked about. */
interface SceneTruth extends Layout, Pick<SceneQuestion, "kinds"> {}

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
        truth: { objects: scene.objects, kinds: question.kinds } satisfies SceneTruth,
        file,
      };
    },
    understanding(truth, said) {
      const { objects, kinds } = truth as SceneTruth;
      return understandingOf({ objects }, { kinds }, said);
    },
  };
}
