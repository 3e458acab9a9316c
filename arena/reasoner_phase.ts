import { lastValueFrom, type Observable, toArray } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import { mapInSlices } from "../common/slices.ts";
import { zip } from "../common/zip.ts";
import type { Prompt } from "../policy/port.ts";
import { textOf } from "../policy/prompts.ts";
import type { Answer, GivenAnswers } from "../reasoner/reasoner.ts";
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
import { type Rollout, type Taught, teaches, withReference } from "../training/grpo.ts";
import type { ReasonerConfig } from "./config/reasoner.ts";
import { itemCount } from "./curriculum.ts";
import { itemsAt } from "./data_order.ts";
import { answer, load, type OpenQuestion, samplingOf, viewOf } from "./dialogue.ts";
import { healthOfAnswers } from "./health.ts";
import { playPhase } from "./phase.ts";
import { pipeline } from "./pipeline.ts";
import { answerRecord } from "./records.ts";
import type { Run } from "./run.ts";
import { meansByName } from "./statistics.ts";
import type { Step } from "./step.ts";
import { type Trained, train, trainingFigures } from "./training.ts";

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
  const admitted = itemCount(run.progress.curriculum);
  const stepsPerPass = Math.max(1, admitted / itemsPerStep);
  return playPhase(run, {
    round,
    phase: "reasoner",
    steps: Math.min(stepsPerRound, Math.ceil(maxPasses * stepsPerPass)),
    prepare: async (step) => loadItems(step, await run.ports.log.curriculum(round, placesOf(step, admitted))),
    play: playStep,
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
async function loadItems(step: Step, items: readonly CurriculumItem[]): Promise<LoadedItem[]> {
  const images = await load(step, [...new Set(items.map(({ image }) => image.index))]);
  const byIndex = new Map(images.map((loaded) => [loaded.ref.index, loaded]));
  const found = items.flatMap((item) => {
    const loaded = byIndex.get(item.image.index);
    if (loaded?.ref.id === item.image.id) return [{ ...loaded, item, question: item.question }];
    if (loaded) step.fail("load", item.image, new VisplayError("images", anotherPicture));
    return [];
  });
  const shown: LoadedItem[] = [];
  for (const [place, each] of found.entries()) {
    // Under a view that is drawn anew in each step.
    const view = step.seed("view", place) % step.run.config.reasoner.views;
    shown.push({ ...each, image: await viewOf(step, each.image, view), view });
  }
  return shown;
}

const anotherPicture = "it shows another picture than the one that its question was asked about";

/** An answer with its reward. */
type Rewarded = Answer & Rollout & Pick<ReasonerReward, "parts">;

/** One item's answers, as a group that learns. */
interface ItemGroup extends LoadedItem {
  readonly prompt: Prompt;
  readonly rollouts: readonly Rewarded[];
}

/** Answers to items, rewarded by agreement with their silver ones; one update. */
async function playStep(step: Step, items: readonly LoadedItem[]): Promise<EventBody[]> {
  const { run, place } = step;
  const { reasoner: config } = run.config;
  const { versions } = run.progress;
  const groups = await rollOut(step, items);
  const peak = config.learningRate * config.learningRateDecayPerRound ** (place.round - 1 - run.stage.before);
  const learned = await train(step, "reasoner", groups, config, peak);
  // To its end: what was learned has to be recorded.
  const episodes = await mapInSlices(learned.groups, (group) => episode(step, versions, group));
  return [...episodes, figures(step, episodes, groups, learned)];
}

/** Answers in chunks; while the base scores one, the next is answered. */
async function rollOut(step: Step, items: readonly LoadedItem[]): Promise<ItemGroup[]> {
  const config = step.run.config.reasoner;
  const size = config.beta > 0 ? config.itemsPerChunk : Math.max(1, items.length);
  const chunks = pipeline(
    Math.ceil(items.length / size),
    (chunk) => answerItems(step, chunk, items.slice(chunk * size, (chunk + 1) * size)),
    (groups) => score(step, groups),
  );
  return (await lastValueFrom(chunks.pipe(toArray()))).flat();
}

async function answerItems(step: Step, chunk: number, items: readonly LoadedItem[]): Promise<ItemGroup[]> {
  const config = step.run.config.reasoner;
  const options = { ...samplingOf(config), samples: config.groupSize };
  const answers = await answer(step, items, options, { purpose: "answer", part: chunk });
  return [...answers].map(([item, given]) => ({
    ...item,
    prompt: given.prompt,
    rollouts: rewardAnswers(item.item, given, config),
  }));
}

function rewardAnswers(
  { label }: CurriculumItem,
  { answers }: GivenAnswers,
  { reward }: ReasonerConfig,
): Rewarded[] {
  const evidence = answers.map(({ parsed, completion }) => ({
    agrees: agrees(parsed, label),
    format: parsed.format,
    tokens: completion.tokens.length,
  }));
  const rewards = reasonerRewards(evidence, reward);
  return zip(answers, rewards).map(([each, { total, parts }]) => {
    return { ...each, reward: total, parts, positive: parts.agreement === 1, reference: null };
  });
}

/** The groups that take part in the update with the base's log-probabilities, if there is a KL. */
async function score(step: Step, groups: readonly ItemGroup[]): Promise<ItemGroup[]> {
  const { reasoner: config } = step.run.config;
  const teaching = groups.filter(({ rollouts }) => teaches(rollouts, config.positiveWeight));
  if (config.beta === 0 || teaching.length === 0) return [...groups];
  const scored = await step.time("reference", (signal) =>
    withReference(teaching, step.run.ports.reference, config, signal),
  );
  return groups.map((group) => scored[teaching.indexOf(group)] ?? group);
}

function episode(
  { place: { round, step } }: Step,
  versions: PolicyVersions,
  { ref, view, item: { question, label, confidence }, prompt, rollouts }: Taught<ItemGroup>,
): ReasonerEpisode {
  return {
    type: "reasonerEpisode",
    round,
    phase: "reasoner",
    step,
    role: "reasoner",
    image: ref,
    view,
    prompt: textOf(prompt),
    versions,
    question,
    label,
    confidence,
    rollouts: rollouts.map(({ parts, reward, advantage, reference, ...given }) => ({
      ...answerRecord(given),
      parts,
      reward: reward ?? 0,
      advantage,
      referenceLogProbs: reference && [...reference],
    })),
  };
}

function figures(
  step: Step,
  episodes: readonly ReasonerEpisode[],
  groups: readonly ItemGroup[],
  learned: Trained,
): ReasonerStep {
  return {
    type: "reasonerStep",
    ...step.place,
    phase: "reasoner",
    role: "reasoner",
    ...step.measurements(),
    ...trainingFigures(groups, learned),
    health: healthOfAnswers(episodes.map(({ question, rollouts }) => ({ question, answers: rollouts }))),
    parts: meansByName(groups.flatMap(({ rollouts }) => rollouts.map(({ parts }) => parts))),
  };
}
