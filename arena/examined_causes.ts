import { deriveSeed } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import type { ClaimChecker } from "../environments/checkers/claim_checker.ts";
import type { Describer } from "../reasoner/describer.ts";
import type { AttributionFigures, AttributionRecord, EvaluationReport } from "../replay/events.ts";
import { attributionFigures, type CheckedLook, checkDescriptions, lookAgain } from "./attribution.ts";
import { asksTruth } from "./checkers.ts";
import type { RunConfig } from "./config/config.ts";
import type { Test } from "./ports.ts";

/** What questions of an evaluation are looked at again with. */
export interface Seeing {
  readonly describer: Describer;
  /** In turn. */
  readonly checkers: readonly ClaimChecker[];
}

/** Looks at questions again, and has the descriptions checked: by the truth where that is known and asked, else by the checkers. */
export async function lookChecked(
  { describer, checkers }: Seeing,
  tests: readonly Test[],
  { attribution, curriculum, evaluation, reasoner: { maxTokens } }: RunConfig,
  chunk: number,
  signal: AbortSignal,
): Promise<CheckedLook[]> {
  const seed = deriveSeed(evaluation.seed, "attribution", chunk);
  const { samples } = attribution;
  const { temperature } = curriculum;
  const looks = await lookAgain(describer, tests, { samples, temperature, maxTokens, seed }, signal);
  const described = zip(tests, looks).map(([{ image, question, shows }, { description }]) => {
    const knows = asksTruth(attribution.checker) && description !== null;
    return { image, question, description, truth: knows ? (shows?.(description) ?? null) : null };
  });
  const checks = await checkDescriptions(described, checkers, signal);
  return zip(looks, checks).map(([look, known]) => ({ ...look, checks: known }));
}

/** Where an evaluation's greedy answers went wrong, of all questions and by group; null where nobody looked. */
export function tally(marks: readonly Marked[], groups: readonly string[]): EvaluationReport["attribution"] {
  const figuresOf = (some: readonly Marked[]) =>
    attributionFigures(some.flatMap(({ attribution }) => attribution ?? []));
  const overall = figuresOf(marks);
  if (overall === null) return null;
  const families = groups.flatMap((group): [string, AttributionFigures][] => {
    const figures = figuresOf(marks.filter((each) => each.group === group));
    return figures ? [[group, figures]] : [];
  });
  return { overall, families: Object.fromEntries(families) };
}

/** What became of a question. */
interface Marked {
  readonly group: string | null;
  readonly attribution: AttributionRecord | null;
}
