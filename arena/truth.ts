import { claimsIn, suffice } from "../images/scenes/claims.ts";
import { parseSceneQuestion, type SceneQuestion } from "../images/scenes/questions.ts";
import type { Layout } from "../images/scenes/scene.ts";
import { solve } from "../images/scenes/solve.ts";
import type { SceneSource } from "../images/scenes/source.ts";

/** What is true of images, by their index. */
export interface Truth {
  /** The true answer to a question; null if it means nothing. */
  answer(index: number, question: string): string | null;
  /** Which kind of question it is; null if it means nothing. */
  kind(question: string): string | null;
  /** Whether what a description says of what a question needs is so; null if the question means nothing, or nobody can tell. */
  shows(index: number, question: string, description: string): boolean | null;
}

/** The truth about procedural scenes; for audits and for the control that trains on it, never for self-play. */
export function sceneTruth(source: Pick<SceneSource, "scene">): Truth {
  return {
    answer(index, text) {
      const question = parseSceneQuestion(text);
      return question && solve(source.scene(index), question).answer;
    },
    kind: (text) => parseSceneQuestion(text)?.family ?? null,
    shows(index, text, description) {
      const question = parseSceneQuestion(text);
      return question && sceneShows(source.scene(index), question, description);
    },
  };
}

/** `Truth.shows` of one scene; null, too, for a description that names no cells. */
export function sceneShows(layout: Layout, question: SceneQuestion, description: string): boolean | null {
  const claims = claimsIn(description);
  return claims.some(({ cell }) => cell !== null) ? suffice(claims, layout, question) : null;
}
