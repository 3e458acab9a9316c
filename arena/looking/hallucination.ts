import { zip } from "../../common/zip.ts";
import type { Fit } from "../../images/shrink.ts";
import type { Policy } from "../../policy/port.ts";
import { promptAbout } from "../../policy/prompts.ts";
import { type CheckedClaims, checkClaims, claimReader } from "../../reasoner/claims.ts";
import { voteOf } from "../../reasoner/vote.ts";
import type { Estimate, LookingFigure } from "../../replay/events.ts";
import type { Answerer } from "../answerer.ts";
import type { RunConfig } from "../config/config.ts";
import { USUAL_PICTURES } from "../config/evaluation.ts";
import type { KnownPictures } from "../ports.ts";
import { meanScore, ratio } from "../statistics.ts";
import { type Absence, absences, type PresenceProbe, presenceProbes } from "./absent.ts";

/** What a policy is asked for a description where nothing else says so. */
const describeAll = "Describe the image in a few sentences: name every thing that you see.";

/** Who is asked. */
interface Asked {
  readonly policy: Policy;
  readonly reasoner: Answerer;
}

/**
 * Whether a policy makes things up: questions whether things are there that are, or are not (POPE, 2305.10355), and
 * descriptions whose things are counted (CHAIR, 1809.02156). Greedy, and the same questions each time.
 */
export async function hallucination(
  { policy, reasoner }: Asked,
  pictures: KnownPictures,
  { evaluation, reasoner: { maxTokens } }: RunConfig,
  fit: Fit,
  signal: AbortSignal,
): Promise<Partial<Record<LookingFigure, Estimate>>> {
  const { questionsPerChunk, seed, hallucination: config } = evaluation;
  const count = Math.min(config.pictures ?? USUAL_PICTURES, pictures.descriptions.length);
  const read = claimReader(pictures.vocabulary);
  const truths = pictures.descriptions.map(read);
  const shown = truths.map((claims) => [...new Set(claims.map(({ thing }) => thing))]);
  const options = { shown, things: pictures.vocabulary.things, perPicture: config.perPicture, seed };
  const probes = presenceProbes(count, {
    ...options,
    ...(pictures.isAlike && { isAlike: pictures.isAlike }),
  });
  const sampling = { temperature: 0, topK: 0, topP: 1, maxTokens, seed };
  const answered: AnsweredProbe[] = [];
  const checked: CheckedClaims[] = [];
  for (let start = 0; start < count; start += questionsPerChunk) {
    const images = await pictures.read(start, Math.min(count, start + questionsPerChunk), fit);
    const asked = probes.flatMap((probe) => {
      const image = images.get(probe.picture);
      return image ? [{ probe, image, question: pictures.askFor(probe.thing) }] : [];
    });
    if (images.size === 0) continue;
    const given = await reasoner.answer(asked, { ...sampling, samples: 1 }, signal);
    for (const [{ probe }, { answers }] of zip(asked, given)) {
      const [answer] = answers;
      const vote = answer ? voteOf(answer.parsed) : null;
      answered.push({ ...probe, said: vote === "yes" || vote === "no" ? vote : null });
    }
    const prompts = [...images.values()].map((image) => promptAbout(image, config.prompt ?? describeAll));
    const described = await policy.sample(prompts, { ...sampling, groupSize: 1 }, signal);
    for (const [picture, completions] of zip([...images.keys()], described))
      checked.push(checkClaims(read(completions[0]?.text ?? ""), truths[picture] ?? []));
  }
  return { ...presenceFigures(answered), ...descriptionFigures(checked) };
}

/** A probe with what was answered; null for neither yes nor no, which is never right. */
export interface AnsweredProbe extends PresenceProbe {
  readonly said: "yes" | "no" | null;
}

const names: Readonly<Record<Absence, readonly [LookingFigure, LookingFigure, LookingFigure]>> = {
  random: ["popeRandom", "popeRandomF1", "popeRandomYes"],
  frequent: ["popeFrequent", "popeFrequentF1", "popeFrequentYes"],
  adversarial: ["popeAdversarial", "popeAdversarialF1", "popeAdversarialYes"],
};

/** Accuracy, F1 of "yes" and the share of "yes", for each way in which absent things were chosen. */
export function presenceFigures(probes: readonly AnsweredProbe[]): Partial<Record<LookingFigure, Estimate>> {
  const figures: Partial<Record<LookingFigure, Estimate>> = {};
  for (const way of absences) {
    const own = probes.filter(({ absent }) => absent === null || absent.includes(way));
    if (own.length === 0) continue;
    const pictures = [...new Set(own.map(({ picture }) => picture))].map((picture) =>
      own.filter((probe) => probe.picture === picture),
    );
    const per = (holds: (probe: AnsweredProbe) => boolean) =>
      pictures.map((each) => each.filter(holds).length);
    const [accuracy, f1, yes] = names[way];
    const all = per(() => true);
    const truePositives = per(({ absent, said }) => absent === null && said === "yes");
    const wrong = per(({ absent, said }) => said !== (absent === null ? "yes" : "no"));
    figures[accuracy] = ratio(
      zip(all, wrong).map(([of, missed]) => of - missed),
      all,
    );
    // 2TP / (2TP + FP + FN) is TP among TP and half of what is wrong.
    figures[f1] = ratio(
      truePositives,
      zip(truePositives, wrong).map(([tp, missed]) => tp + missed / 2),
    );
    figures[yes] = ratio(
      per(({ said }) => said === "yes"),
      all,
    );
  }
  return figures;
}

/** Of things named, the share that is not there; of descriptions, that which names such a one; of what is there, the share named. */
export function descriptionFigures(
  descriptions: readonly CheckedClaims[],
): Partial<Record<LookingFigure, Estimate>> {
  if (descriptions.length === 0) return {};
  const invented = descriptions.map((each) => each.invented.length);
  const named = descriptions.map((each) => each.invented.length + each.right.length);
  const missed = descriptions.map((each) => each.missed.length);
  const there = descriptions.map((each) => each.there);
  return {
    chairThings: ratio(invented, named),
    chairDescriptions: meanScore(invented.map((count) => Number(count > 0))),
    chairRecall: ratio(
      zip(there, missed).map(([all, left]) => all - left),
      there,
    ),
    described: meanScore(named.map((count) => Number(count > 0))),
  };
}
