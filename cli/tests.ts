import type { RunConfig } from "../arena/config/config.ts";
import type { EvaluationConfig } from "../arena/config/evaluation.ts";
import type { Tests } from "../arena/ports.ts";
import { sceneTests } from "../arena/scene_tests.ts";
import { openDataTests } from "./data_tests.ts";
import type { Opening } from "./run_images.ts";

/** What a run's Reasoner is measured on. */
export interface RunTests {
  /** As many questions as an evaluation wants, at most as the run's; null where it wants none. */
  of(evaluation: EvaluationConfig): Tests | null;
  /** SHA-256 by name of what they come from, where that is a user's data. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** The questions of `evaluation.data`, or about scenes where that is null. Throws as `openDataTests` does. */
export async function openTests(
  { evaluation }: Pick<RunConfig, "evaluation">,
  opening: Opening,
): Promise<RunTests> {
  const { data, questions } = evaluation;
  if (data === null || questions === 0) return { of: sceneTests, inputs: {} };
  const tests = await openDataTests(data, evaluation, opening);
  return {
    of: ({ questions }) => (questions === 0 ? null : tests.first(questions)),
    inputs: { "evaluation.data": tests.digest },
  };
}
