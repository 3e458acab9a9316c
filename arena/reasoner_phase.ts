import { concatMap, from, map, type Observable, toArray } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import type { GivenAnswers } from "../reasoner/reasoner.ts";
import { agrees } from "../reasoner/vote.ts";
import type {
  CurriculumItem,
  EventBody,
  PolicyVersions,
  ReasonerEpisode,
  ReasonerStep,
  RunEvent,
} from "../replay/events.ts";
import { type ReasonerReward, reasonerRewards } from "../rewards/reasoner.ts";
import { answerRecords } from "./as_records.ts";
import type { ReasonerConfig } from "./config/reasoner.ts";
import { itemsAt } from "./data_order.ts";
import { answer, type LoadedImage, load, type OpenQuestion, viewOf } from "./dialogue.ts";
import { healthOfAnswers } from "./health.ts";
import { inSlices } from "./in_slices.ts";
import {
  type Learned,
  learn,
  type RewardedGroup,
  scoreReference,
  teaches,
  trainingFigures,
} from "./learn.ts";
import { playPhase } from "./phase.ts";
import { pipelined } from "./pipelined.ts";
import type { Run } from "./run.ts";
import { meansByName } from "./statistics.ts";
import type { Step } from "./step.ts";

/**
 * The Reasoner learns to agree with the silver answers.
 *
 *     Reasoner's worker     answer chunk j+1   …   update k
 *     Questioner's worker   reference j        …
 *     main thread           decode k+1
 *
 * While the Reasoner answers one chunk of a step's items, the Questioner's worker, idle in this phase and with the
 * same base, scores the chunk before it for the KL. The next step's images are decoded all the while.
 */
export function reasonerPhase(run: Run, round: number): Observable<RunEvent> {
  const { stepsPerRound, itemsPerStep, maxPasses } = run.config.reasoner;
  const { admitted } = run.curriculum;
  const stepsPerPass = Math.max(1, admitted / itemsPerStep);
  return playPhase(run, {
    round,
    phase: "reasoner",
    steps: Math.min(stepsPerRound, Math.ceil(maxPasses * stepsPerPass)),
    prepare: (step) =>
      from(run.ports.log.curriculum(round, placesOf(step, admitted))).pipe(
        concatMap((items) => loadItems(step, items)),
      ),
    play: (step, items) =>
      rollOut(step, items).pipe(
        toArray(),
        concatMap((chunks) => train(step, chunks.flat())),
      ),
  });
}

/** A curriculum item with its image in memory, as it is shown. */
interface LoadedItem extends OpenQuestion {
  readonly item: CurriculumItem;
  readonly view: number;
}

/** Which items of the round's curriculum a step is about. */
function placesOf({ run, place: { round, step } }: Step, admitted: number): number[] {
  const count = Math.min(run.config.reasoner.itemsPerStep, admitted);
  return itemsAt(run.seed("reasoner.items", round), step * count, count, admitted);
}

/** Items with their images; one whose image shows something else by now is noted and left out: its label is not about that. */
function loadItems(step: Step, items: readonly CurriculumItem[]): Observable<LoadedItem[]> {
  return load(step, [...new Set(items.map(({ image }) => image.index))]).pipe(
    map((images) => {
      const byIndex = new Map(images.map((loaded) => [loaded.ref.index, loaded]));
      return items.flatMap((item) => {
        const loaded = byIndex.get(item.image.index);
        if (loaded?.ref.id === item.image.id) return [{ ...loaded, item }];
        if (loaded) step.fail("load", item.image, new VisplayError("images", anotherPicture));
        return [];
      });
    }),
    concatMap((loaded) =>
      from(loaded).pipe(
        concatMap((each, place) => show(step, place, each)),
        toArray(),
      ),
    ),
  );
}

const anotherPicture = "it shows another picture than the one that its question was asked about";

/** An item under a view that is drawn anew in each step. */
function show(
  step: Step,
  place: number,
  { ref, image, item }: LoadedImage & { readonly item: CurriculumItem },
): Observable<LoadedItem> {
  const view = step.seed("view", place) % step.run.config.reasoner.views;
  return viewOf(step, image, view).pipe(
    map((shown) => ({ ref, image: shown, question: item.question, item, view })),
  );
}

/** One item's answers, and what they earn, [G]. */
interface Judged extends LoadedItem {
  readonly given: GivenAnswers;
  readonly rewards: readonly ReasonerReward[];
}

/** One item's answers, ready to learn from. */
interface Scored extends Judged {
  readonly reference: readonly Float32Array[] | null;
}

/** Answers in chunks; while the base scores one, the next is answered. */
function rollOut(step: Step, items: readonly LoadedItem[]): Observable<Scored[]> {
  const config = step.run.config.reasoner;
  const size = config.beta > 0 ? config.itemsPerChunk : Math.max(1, items.length);
  return pipelined(
    Math.ceil(items.length / size),
    (chunk) => judgeAnswers(step, chunk, items.slice(chunk * size, (chunk + 1) * size)),
    (judged) => scoreWhatTeaches(step, judged),
  );
}

function judgeAnswers(step: Step, chunk: number, items: readonly LoadedItem[]): Observable<Judged[]> {
  const config = step.run.config.reasoner;
  const questions = items.map((item) => [item]);
  return answer(step, { purpose: "answer", part: chunk }, questions, config.groupSize, config).pipe(
    map((answers) =>
      items.flatMap((loaded, i) => {
        const given = answers[i]?.[0];
        return given ? [{ ...loaded, given, rewards: rewardsOf(loaded.item, given, config) }] : [];
      }),
    ),
  );
}

function rewardsOf(
  { label }: CurriculumItem,
  given: GivenAnswers,
  { reward }: ReasonerConfig,
): ReasonerReward[] {
  const evidence = given.answers.map((parsed, i) => ({
    agrees: agrees(parsed, label),
    format: parsed.format,
    tokens: given.completions[i]?.tokens.length ?? 0,
  }));
  return reasonerRewards(evidence, reward);
}

/** The base's log-probabilities of the groups that take part in the update. */
function scoreWhatTeaches(step: Step, judged: readonly Judged[]): Observable<Scored[]> {
  const { reasoner: config } = step.run.config;
  const taught = judged.filter((each) => teaches(outcomes(each), config));
  const groups = taught.map(({ given: { prompt, completions } }) => ({ prompt, completions }));
  return scoreReference(step, groups, config).pipe(
    map((reference) =>
      judged.map((each) => ({ ...each, reference: reference?.[taught.indexOf(each)] ?? null })),
    ),
  );
}

/** What a group's answers earn, and which of them agree with the silver answer. */
function outcomes({ rewards }: Judged): { rewards: number[]; positives: boolean[] } {
  return {
    rewards: rewards.map(({ total }) => total),
    positives: rewards.map(({ parts }) => parts.agreement === 1),
  };
}

/** One update, and then all that happened in the step: an episode for each item, and the figures. */
function train(step: Step, scored: readonly Scored[]): Observable<EventBody[]> {
  const { reasoner: config } = step.run.config;
  const versions = { ...step.run.versions };
  const groups = scored.map((each) => {
    const { prompt, completions } = each.given;
    return { prompt, completions, ...outcomes(each), reference: each.reference };
  });
  const learningRate = config.learningRate * config.learningRateDecayPerRound ** (step.place.round - 1);
  return learn(step, "reasoner", groups, config, learningRate).pipe(
    concatMap((learned) =>
      inSlices(scored, (each, i) => episode(step, versions, each, learned.advantages[i] ?? [])).pipe(
        map((episodes) => [...episodes, figures(step, episodes, scored, groups, learned)]),
      ),
    ),
  );
}

function episode(
  { place: { round, step } }: Step,
  versions: PolicyVersions,
  { ref, view, item: { question, label, confidence }, given, rewards }: Judged,
  advantages: readonly number[],
): ReasonerEpisode {
  return {
    type: "reasonerEpisode",
    round,
    phase: "reasoner",
    step,
    image: ref,
    view,
    prompt: given.prompt.text,
    versions,
    question,
    label,
    confidence,
    rollouts: answerRecords(given).map((record, i) => ({
      ...record,
      parts: rewards[i]?.parts ?? {},
      reward: rewards[i]?.total ?? 0,
      advantage: advantages[i] ?? 0,
    })),
  };
}

function figures(
  step: Step,
  episodes: readonly ReasonerEpisode[],
  scored: readonly Scored[],
  groups: readonly RewardedGroup[],
  learned: Learned,
): ReasonerStep {
  return {
    type: "reasonerStep",
    ...step.place,
    phase: "reasoner",
    ...step.measurements(),
    ...trainingFigures(groups, learned),
    health: healthOfAnswers(episodes.map(({ question, rollouts }) => ({ question, answers: rollouts }))),
    parts: meansByName(scored.flatMap(({ rewards }) => rewards.map(({ parts }) => parts))),
  };
}
