import { lastValueFrom, type Observable, toArray } from "rxjs";
import { mapInSlices } from "../common/slices.ts";
import { zip } from "../common/zip.ts";
import { claimedCertainty } from "../environments/claimed_certainty.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import { agrees } from "../reasoner/vote.ts";
import type { CurriculumItem, EventBody, RunEvent } from "../replay/events.ts";
import { certaintyReader } from "../rewards/certainty.ts";
import { type Parts, weigh } from "../rewards/parts.ts";
import { reasonerRewards } from "../rewards/reasoner.ts";
import { teaches } from "../training/grpo.ts";
import type { Trajectory } from "../training/rollout.ts";
import {
  type AnswerGroup,
  answerEpisode,
  answerFigures,
  type RewardedAnswer,
  scoreTeaching,
} from "./answer_groups.ts";
import type { GivenAnswers } from "./answerer.ts";
import type { CheckedLook } from "./attribution.ts";
import { causesOf, lookAtSome } from "./causes.ts";
import { samplingOf } from "./config/learning.ts";
import { reasonerSteps } from "./config/reasoner.ts";
import { itemCount } from "./curriculum.ts";
import { asksDescriptions, describingTokens, followsFromChain } from "./described_answers.ts";
import { answer } from "./dialogue.ts";
import { type LoadedItem, loadItems } from "./loaded_items.ts";
import { playPhase } from "./phase.ts";
import { pipeline } from "./pipeline.ts";
import type { Run } from "./run.ts";
import { type Imitated, imitateSolutions } from "./solutions.ts";
import type { Step } from "./step.ts";
import { recordedTurns } from "./tasks.ts";
import { train } from "./training.ts";
import { trajectoryFigures, trajectoryRecord } from "./trajectories.ts";

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
  const { itemsPerStep, imitation } = run.config.reasoner;
  return playPhase(run, {
    round,
    phase: "reasoner",
    steps: reasonerSteps(run.config.reasoner, itemCount(run.progress.curriculum)),
    prepare: async (step) => ({
      rewarded: await loadItems(step, "items", itemsPerStep),
      imitated: {
        answered: await loadItems(step, "imitated", imitation.itemsPerStep),
        described: await loadItems(step, "described", imitation.descriptionsPerStep),
      },
    }),
    play: playStep,
  });
}

/** One item's answers, as a group that learns. */
interface ItemGroup extends LoadedItem, AnswerGroup {}

/** What a step learns from. */
interface Lessons {
  /** Items that are answered, and the answers rewarded. */
  readonly rewarded: readonly LoadedItem[];
  readonly imitated: Imitated;
}

/** Answers to items, rewarded by agreement with their silver ones: one update; another one by imitation of solutions. */
async function playStep(step: Step, { rewarded: items, imitated }: Lessons): Promise<EventBody[]> {
  const { run, place } = step;
  const { reasoner: config } = run.config;
  const { versions } = run.progress;
  const groups = await rollOut(step, items);
  const decay = config.learningRateDecayPerRound ** (place.round - 1 - run.stage.before);
  const { maxTurns } = run.answerTools ?? { maxTurns: 1 };
  const lesson = { ...config, maxTokens: config.maxTokens * maxTurns };
  const learned = await train(step, "reasoner", groups, lesson, config.learningRate * decay);
  const update = await imitateSolutions(step, imitated, decay);
  // To its end: what was learned has to be recorded.
  const episodes = await mapInSlices(learned.groups, ({ view, item: { label, confidence }, ...group }) =>
    answerEpisode(step, versions, group, { view, label, confidence }),
  );
  const acted = groups.flatMap(({ rollouts }) => rollouts.flatMap(({ trajectory }) => trajectory ?? []));
  const trajectories = acted.length > 0 ? trajectoryFigures(acted) : null;
  return [...episodes, { ...answerFigures(step, episodes, groups, learned), trajectories, imitated: update }];
}

/**
 * Answers in chunks; while the base scores one, the next is answered, and beside the last the Reasoner looks at some of the
 * step's pictures again, to find out where its answers went wrong.
 */
async function rollOut(step: Step, items: readonly LoadedItem[]): Promise<ItemGroup[]> {
  const config = step.run.config.reasoner;
  const size = config.beta > 0 ? config.itemsPerChunk : Math.max(1, items.length);
  const isLesson = ({ rollouts }: ItemGroup) => teaches(rollouts, config.positiveWeight);
  const count = Math.ceil(items.length / size);
  const chunks = pipeline(
    count,
    (chunk) => answerItems(step, chunk, items.slice(chunk * size, (chunk + 1) * size)),
    (groups, chunk) =>
      Promise.all([
        scoreTeaching(step, groups, groups.filter(isLesson), config),
        chunk === count - 1
          ? lookAtSome(step, items, step.run.ports.truth)
          : new Map<LoadedItem, CheckedLook>(),
      ]),
  );
  const played = await lastValueFrom(chunks.pipe(toArray()));
  const looks = new Map(played.flatMap(([, seen]) => [...seen].map(([{ item }, look]) => [item, look])));
  return played.flatMap(([groups]) =>
    groups.map((group) => {
      const look = looks.get(group.item);
      return look ? withCauses(step, group, look) : group;
    }),
  );
}

/** The answers say where they went wrong. */
function withCauses(step: Step, group: ItemGroup, look: CheckedLook): ItemGroup {
  const causes = causesOf(step, { ...group, label: group.item.label, answers: group.rollouts }, look);
  const rollouts = zip(group.rollouts, causes).map(([each, attribution]) => ({ ...each, attribution }));
  return { ...group, rollouts };
}

async function answerItems(step: Step, chunk: number, items: readonly LoadedItem[]): Promise<ItemGroup[]> {
  const config = step.run.config.reasoner;
  const options = { ...samplingOf(config), samples: config.groupSize };
  const answers = [...(await answer(step, items, options, { purpose: "answer", part: chunk }))];
  const labelled = answers.map(([{ ref, question, item }, given]) => {
    const isRight = ({ parsed }: Answer) => agrees(parsed, item.label);
    return { ref, question, answers: given.answers, isRight };
  });
  const follow = asksDescriptions(config.reward)
    ? await followsFromChain(step, labelled, { part: chunk })
    : answers.map(() => null);
  return zip(answers, follow).map(([[item, given], described]) => ({
    ...item,
    prompt: given.prompt,
    turns: given.tools && recordedTurns(step, given.prompt.turns, item.ref),
    tools: given.tools,
    rollouts: rewardAnswers(step, item.item, given, described),
  }));
}

function rewardAnswers(
  step: Step,
  { label }: CurriculumItem,
  { answers }: GivenAnswers,
  described: readonly boolean[] | null,
): RewardedAnswer[] {
  const { reward } = step.run.config.reasoner;
  const sureness = reward.certainty > 0 ? certaintyReader(step.run.config.certainty.hedges) : null;
  const { encode } = step.run.ports;
  const { toolkit } = step.run.answerTools ?? {};
  const evidence = answers.map(({ parsed, completion }, i) => ({
    agrees: agrees(parsed, label),
    format: parsed.format,
    tokens: completion.tokens.length,
    described: described?.[i] ?? null,
    stated: sureness && claimedCertainty(sureness, { parsed, completion }),
  }));
  const rewards = reasonerRewards(evidence, reward, reward.verification);
  return zip(answers, rewards).map(
    ([{ completion, parsed, trajectory, verified = null }, { total, parts }]) => {
      const positive = parts.agreement === 1;
      const known = { completion, parsed, verified, attribution: null, positive, reference: null };
      if (!trajectory) {
        const seen = { tokens: describingTokens(completion, encode), reward: parts.description ?? null };
        const isApart = reward.attribution === "by_part";
        return { ...known, reward: total, parts, trajectory, ...(isApart && { description: seen }) };
      }
      // What could not be played to its end says nothing about what was answered.
      if (trajectory.fault)
        return { ...known, reward: null, parts: {}, trajectory: trajectoryRecord(step, trajectory, false) };
      const bonus: Parts = positive ? (toolkit?.successOf(verified === true) ?? {}) : {};
      const record = trajectoryRecord(step, withEarned(trajectory, { ...parts, ...bonus }), positive);
      const others = { ...trajectory.parts, ...bonus };
      return {
        ...known,
        reward: total + weigh(others, () => 1),
        parts: { ...parts, ...others },
        trajectory: record,
      };
    },
  );
}

/** The same, where its last turn earned some more. */
function withEarned({ turns, ...trajectory }: Trajectory, parts: Parts): Trajectory {
  const last = turns.length - 1;
  return {
    ...trajectory,
    turns: turns.map((turn, i) => (i === last ? { ...turn, parts: { ...turn.parts, ...parts } } : turn)),
  };
}
