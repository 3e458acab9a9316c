import { parseSceneQuestion } from "../images/scenes/questions.ts";
import { solve } from "../images/scenes/solve.ts";
import type { SceneSource } from "../images/scenes/source.ts";

/** The true answer to a question about the image at an index, null if the question means nothing. */
export type Truth = (index: number, question: string) => string | null;

/** The truth about procedural scenes; for audits and for the control that trains on it, never for self-play. */
export function sceneTruth(source: SceneSource): Truth {
  return (index, text) => {
    const question = parseSceneQuestion(text);
    return question && solve(source.scene(index), question).answer;
  };
}
