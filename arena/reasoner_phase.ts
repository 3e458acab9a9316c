import { lastValueFrom, type Observable, toArray } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import { mapInSlices } from "../common/slices.ts";
import { zip } from "../common/zip.ts";
import type { GivenAnswers } from "../reasoner/reasoner.ts";
import { agrees } from "../reasoner/vote.ts";
import type { CurriculumItem, EventBody, RunEvent } from "../replay/events.ts";
import { reasonerRewards } from "../rewards/reasoner.ts";
import { teaches } from "../training/grpo.ts";
import {
  type AnswerGroup,
  answerEpisode,
  answerFigures,
  type RewardedAnswer,
  scoreTeaching,
} from "./answer_groups.ts";
import type { ReasonerConfig } from "./config/reasoner.ts";
import { itemCount } from "./curriculum.ts";
import { itemsAt } from "./data_order.ts";
import { answer, load, type OpenQuestion, samplingOf, viewOf } from "./dialogue.ts";
import { playPhase } from "./phase.ts";
import { pipeline } from "./pipeline.ts";
import type { Run } from "./run.ts";
import type { Step } from "./step.ts";
import { train } from "./training.ts";

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

/** One item's answers, as a group that learns. */
interface ItemGroup extends LoadedItem, AnswerGroup {}

/** Answers to items, rewarded by agreement with their silver ones; one update. */
async function playStep(step: Step, items: readonly LoadedItem[]): Promise<EventBody[]> {
  const { run, place } = step;
  const { reasoner: config } = run.config;
  const { versions } = run.progress;
  const groups = await rollOut(step, items);
  const peak = config.learningRate * config.learningRateDecayPerRound ** (place.round - 1 - run.stage.before);
  const learned = await train(step, "reasoner", groups, config, peak);
  // To its end: what was learned has to be recorded.
  const episodes = await mapInSlices(learned.groups, ({ view, item: { label, confidence }, ...group }) =>
    answerEpisode(step, versions, group, { view, label, confidence }),
  );
  return [...episodes, answerFigures(step, episodes, groups, learned)];
}

/** Answers in chunks; while the base scores one, the next is answered. */
async function rollOut(step: Step, items: readonly LoadedItem[]): Promise<ItemGroup[]> {
  const config = step.run.config.reasoner;
  const size = config.beta > 0 ? config.itemsPerChunk : Math.max(1, items.length);
  const isLesson = ({ rollouts }: ItemGroup) => teaches(rollouts, config.positiveWeight);
  const chunks = pipeline(
    Math.ceil(items.length / size),
    (chunk) => answerItems(step, chunk, items.slice(chunk * size, (chunk + 1) * size)),
    (groups) => scoreTeaching(step, groups, groups.filter(isLesson), config),
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
    turns: null,
    rollouts: rewardAnswers(item.item, given, config),
  }));
}

function rewardAnswers(
  { label }: CurriculumItem,
  { answers }: GivenAnswers,
  { reward }: ReasonerConfig,
): RewardedAnswer[] {
  const evidence = answers.map(({ parsed, completion }) => ({
    agrees: agrees(parsed, label),
    format: parsed.format,
    tokens: completion.tokens.length,
  }));
  const rewards = reasonerRewards(evidence, reward);
  return zip(answers, rewards).map(([each, { total, parts }]) => {
    return {
      ...each,
      reward: total,
      parts,
      positive: parts.agreement === 1,
      reference: null,
      trajectory: null,
    };
  });
}
