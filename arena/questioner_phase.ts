import { concatMap, ignoreElements, map, merge, type Observable, of } from "rxjs";
import type {
  EventBody,
  PolicyVersions,
  QuestionerEpisode,
  QuestionerRollout,
  QuestionerStep,
  RunEvent,
} from "../replay/events.ts";
import { answerRecords, questionRecord } from "./as_records.ts";
import { itemsInTurn } from "./data_order.ts";
import { ask, type LoadedImage, load } from "./dialogue.ts";
import { healthOf } from "./health.ts";
import { inSlices } from "./in_slices.ts";
import { interview, type Judged, judge } from "./interview.ts";
import { type Learned, learn, type RewardedGroup, trainingFigures } from "./learn.ts";
import { playPhase } from "./phase.ts";
import type { Run } from "./run.ts";
import { meansByName } from "./statistics.ts";
import type { Step } from "./step.ts";
import { meanConfidence } from "./votes.ts";

/**
 * The Questioner learns to ask what the frozen Reasoner is uncertain about.
 *
 *     Questioner's worker   ask k        reference k    update k
 *     Reasoner's worker     encode k+1   answer k, sighted and blind
 *     main thread           decode k+1
 *
 * While the Reasoner answers, the Questioner's worker scores its questions under the base, for the KL. The images
 * of the next step are decoded, and encoded for the Reasoner, which does not change in this phase, while this
 * step goes on.
 */
export function questionerPhase(run: Run, round: number): Observable<RunEvent> {
  const config = run.config.questioner;
  return playPhase(run, {
    round,
    phase: "questioner",
    steps: config.stepsPerRound,
    prepare: (step) => load(step, imagesOf(step)).pipe(concatMap((images) => encodeAhead(step, images))),
    play: (step, images) =>
      ask(step, images, config.groupSize, config).pipe(
        concatMap((asked) => interview(step, asked)),
        concatMap((interviews) => inSlices(interviews, (each) => judge(config, each))),
        concatMap((judged) => train(step, judged)),
      ),
  });
}

function imagesOf({ run, place: { round, step } }: Step): number[] {
  const { stepsPerRound, imagesPerStep } = run.config.questioner;
  const { length } = run.ports.images;
  const count = Math.min(imagesPerStep, length);
  const first = ((round - 1) * stepsPerRound + step) * count;
  return itemsInTurn(run.seed("questioner.images"), first, count, length);
}

/** Emits the images at once, and lets the Reasoner encode them before it is asked about them. */
function encodeAhead(step: Step, images: LoadedImage[]): Observable<LoadedImage[]> {
  const { reasoner } = step.run.ports.policies;
  const pixels = images.map(({ image }) => image);
  const encoding = step.timed("encode", (signal) => reasoner.prepare(pixels, signal));
  return merge(of(images), encoding.pipe(ignoreElements()));
}

/** One update, and then all that happened in the step: an episode for each image, and the figures. */
function train(step: Step, judged: readonly Judged[]): Observable<EventBody[]> {
  const config = step.run.config.questioner;
  const versions = { ...step.run.versions };
  const groups = judged.map(({ asked: { prompt, completions }, rewards, reference }) => ({
    prompt,
    completions,
    rewards: rewards.map((reward) => reward?.total ?? null),
    positives: rewards.map((reward) => (reward?.total ?? 0) > 0),
    reference,
  }));
  return learn(step, "questioner", groups, config, config.learningRate).pipe(
    concatMap((learned) =>
      inSlices(judged, (each, i) => episode(step, versions, each, learned.advantages[i] ?? [])).pipe(
        map((episodes) => [...episodes, figures(step, episodes, judged, groups, learned)]),
      ),
    ),
  );
}

function episode(
  { place: { round, step } }: Step,
  versions: PolicyVersions,
  { asked, answers, blindAnswers, verdicts, rewards }: Judged,
  advantages: readonly number[],
): QuestionerEpisode {
  const rollouts = asked.completions.map((completion, i): QuestionerRollout => {
    const parsed = asked.questions[i] as (typeof asked.questions)[number];
    const reward = rewards[i];
    return {
      ...questionRecord(completion, parsed, answers[i] ?? null, verdicts[i] ?? null),
      blindAnswers: answerRecords(blindAnswers[i] ?? null),
      checks: reward?.checks ?? {},
      parts: reward?.parts ?? {},
      reward: reward?.total ?? null,
      advantage: advantages[i] ?? 0,
    };
  });
  const {
    ref: image,
    prompt: { text: prompt },
  } = asked;
  return { type: "questionerEpisode", round, phase: "questioner", step, image, prompt, versions, rollouts };
}

function figures(
  step: Step,
  episodes: readonly QuestionerEpisode[],
  judged: readonly Judged[],
  groups: readonly RewardedGroup[],
  learned: Learned,
): QuestionerStep {
  const rewards = judged.flatMap((each) => each.rewards).filter((reward) => reward !== null);
  const verdicts = judged.flatMap((each) => each.verdicts).filter((verdict) => verdict !== null);
  const passed = rewards.map(({ checks }) =>
    Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, check.passed ? 1 : 0])),
  );
  return {
    type: "questionerStep",
    ...step.place,
    phase: "questioner",
    ...step.measurements(),
    ...trainingFigures(groups, learned),
    health: healthOf(episodes.map(({ rollouts }) => rollouts)),
    questions: verdicts.length,
    meanConfidence: meanConfidence(verdicts),
    checks: meansByName(passed),
    parts: meansByName(rewards.map(({ parts }) => parts)),
  };
}
