import { attributionShares } from "../replay/attribution.ts";
import type { AttributionFigures, Estimate, EvaluationReport } from "../replay/events.ts";
import { type Cause, causeMeanings, causes } from "../rewards/attribution.ts";
import { proportion } from "./statistics.ts";

/** A figure of where answers went wrong. */
export type CauseFigure = "usable" | "judged" | "described" | "concluded" | Cause;

/** In percent, with 95% intervals; without what nobody could judge. */
export type CauseEstimates = Readonly<Partial<Record<CauseFigure, Estimate>>>;

/** The same of all questions, and by family. */
export interface ExaminedCauses {
  readonly overall: CauseEstimates;
  readonly families: Readonly<Record<string, CauseEstimates>>;
}

/** Where an evaluation's answers went wrong, in percent; null where nobody looked. */
export function examinedCauses({
  attribution,
}: Pick<EvaluationReport, "attribution">): ExaminedCauses | null {
  if (attribution === null) return null;
  const { overall, families } = attribution;
  const each = Object.entries(families).map(([name, figures]) => [name, causeEstimates(figures)]);
  return { overall: causeEstimates(overall), families: Object.fromEntries(each) };
}

/** The same of figures; with intervals for questions that have one answer each, as those of an evaluation. */
export function causeEstimates(figures: AttributionFigures): CauseEstimates {
  const { answers, judged } = figures;
  const estimates = Object.entries(attributionShares(figures)).flatMap(([name, share]) => {
    if (share === null) return [];
    const of = name === "usable" || name === "judged" ? answers : Math.round(answers * judged);
    return [[name, proportion(share * of, of)]];
  });
  return Object.fromEntries(estimates);
}

/** Below this share, in percent, a describer's prompt is not followed. */
const fewUsable = 50;

/** What to do where too few descriptions can be used to say where answers go wrong; null where there are enough. */
export function describerAdvice({ usable, judged }: CauseEstimates): string | null {
  if (usable && usable.percent >= fewUsable && judged && judged.percent < fewUsable)
    return `${judged.percent.toFixed(1)}% of the descriptions could be judged, and only these say where answers go wrong; name another checker (attribution.checker), or take auto, which asks the base of what others cannot tell`;
  if (!usable || usable.percent >= fewUsable) return null;
  return `${usable.percent.toFixed(1)}% of the descriptions can be used, and only these say where answers go wrong; change prompts.describer, or raise reasoner.maxTokens if they are cut off`;
}

/** What the commonest cause is, and what to do about it; null where nothing went wrong. */
export function causeAdvice(estimates: CauseEstimates): string | null {
  const shareOf = (cause: Cause) => estimates[cause]?.percent ?? 0;
  const most = causes.reduce((a, b) => (shareOf(b) > shareOf(a) ? b : a));
  if (shareOf(most) === 0) return null;
  return `commonest cause: ${most} (${shareOf(most).toFixed(1)}%), ${causeMeanings[most]}; ${causeRemedies[most]}`;
}

/** Which settings act on each cause. */
export const causeRemedies: Readonly<Record<Cause, string>> = {
  grounding:
    "reward what is seen (reasoner.reward.description, reasoner.reward.verification=staged), raise optimizer.visionLearningRateFactor, or where the encoder has fallen freeze it by 0",
  reasoning:
    "credit the chain apart (reasoner.reward.attribution=by_part), raise reasoner.maxTokens if answers are cut off, or imitate worked answers first (visplay sft --chain)",
  fusion: "raise optimizer.connectorLearningRateFactor or reasoner.stepsPerRound",
  unfaithful:
    "let only answers count that follow from their chain (reasoner.reward.verification=gate), raise questioner.reward.evidenceWeight or curriculum.gate.minEvidence",
};
