import { deriveSeed } from "../common/random.ts";
import type { CurriculumEpisode, SeenImage, VerdictRecord } from "../replay/events.ts";
import type { RunConfig } from "./config/config.ts";

/** One of the round's questions that the base is to answer, and what the Reasoner voted on it. */
export interface SampledQuestion {
  /** A random number of its own: those with the smallest are the sample. */
  readonly draw: number;
  readonly image: SeenImage;
  readonly question: string;
  readonly verdict: VerdictRecord;
}

/** The sample of a round with the questions about one more image that were answered: it depends on the seed alone. */
export function withSampled(
  sample: readonly SampledQuestion[],
  { round, image, questions }: Pick<CurriculumEpisode, "round" | "image" | "questions">,
  { seed, coEvolution }: Pick<RunConfig, "seed" | "coEvolution">,
): readonly SampledQuestion[] {
  if (coEvolution.questions === 0) return sample;
  const drawn = questions.flatMap(({ question, verdict }, place): SampledQuestion[] => {
    if (question === null || verdict === null) return [];
    return [{ draw: deriveSeed(seed, "coEvolution", round, image.index, place), image, question, verdict }];
  });
  return [...sample, ...drawn].sort((a, b) => a.draw - b.draw).slice(0, coEvolution.questions);
}
