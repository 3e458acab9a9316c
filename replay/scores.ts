import type { Scores } from "./records.ts";

/** A figure of an evaluation, as records name it. */
export type Figure = keyof Omit<Scores, "questions">;

/**
 * A figure's name for people where a question had so many samples: records say mean8, maj8 and pass8 whatever their
 * number is.
 */
export function figureName(figure: Figure, samples: number): string {
  return figure.replace(/^(mean|maj|pass)8/, `$1${samples}`);
}

/** An evaluation's figures in percent under their names. */
export function namedScores({ questions: _, ...scores }: Scores, samples: number): Record<string, number> {
  const figures = Object.entries(scores) as [Figure, { readonly percent: number }][];
  return Object.fromEntries(figures.map(([figure, { percent }]) => [figureName(figure, samples), percent]));
}
