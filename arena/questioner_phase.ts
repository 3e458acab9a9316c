import type { Observable } from "rxjs";
import { mapInSlices } from "../common/slices.ts";
import { zip } from "../common/zip.ts";
import { textOf } from "../policy/prompts.ts";
import { blindAgreement, imageEvidence, supportOf, type Verdict, vote } from "../reasoner/vote.ts";
import type {
  EventBody,
  PolicyVersions,
  QuestionerEpisode,
  QuestionerRollout,
  QuestionerStep,
  RunEvent,
} from "../replay/events.ts";
import { duplicateShares } from "../rewards/diversity.ts";
import {
  isGated,
  type QuestionerReward,
  type QuestionerRewardOptions,
  questionerReward,
} from "../rewards/questioner.ts";
import { type Rollout, type Taught, withReference } from "../training/grpo.ts";
import type { GivenAnswers } from "./answerer.ts";
import { samplingOf } from "./config/learning.ts";
import type { QuestionerConfig } from "./config/questioner.ts";
import { itemsInTurn } from "./data_order.ts";
import { bothAgree, type DescribedVotes, voteFromDescriptions } from "./described_votes.ts";
import {
  type Asked,
  answer,
  answerBlindly,
  ask,
  type LoadedImage,
  load,
  type OpenQuestion,
  type Question,
} from "./dialogue.ts";
import { auditedEvent, gateAudit, gateCounts } from "./gate_audit.ts";
import { healthOf } from "./health.ts";
import { playPhase } from "./phase.ts";
import { answerRecords, questionRecord } from "./records.ts";
import type { Run } from "./run.ts";
import { meansByName } from "./statistics.ts";
import type { Step } from "./step.ts";
import { type Trained, train, trainingFigures } from "./training.ts";
import { meanConfidence, verifiedShare } from "./votes.ts";

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
  return playPhase(run, {
    round,
    phase: "questioner",
    steps: run.config.questioner.stepsPerRound,
    prepare: (step) => load(step, imagesOf(step)),
    ahead: encodeForReasoner,
    play: playStep,
    conclude: () => {
      const { form } = run.config.questioner.reward;
      return run.ports.truth === null ? [] : [auditedEvent(run.progress.gate, round, form)];
    },
  });
}

function imagesOf({ run, place: { round, step } }: Step): number[] {
  const { stepsPerRound, imagesPerStep } = run.config.questioner;
  const { length } = run.ports.images;
  const count = Math.min(imagesPerStep, length);
  const first = ((round - 1) * stepsPerRound + step) * count;
  return itemsInTurn(run.seed("questioner.images"), first, count, length);
}

function encodeForReasoner(step: Step, images: readonly LoadedImage[]): Promise<unknown> {
  const pixels = images.map(({ image }) => image);
  return step.time("encode", (signal) => step.run.ports.policies.reasoner.prepare(pixels, signal));
}

/** Questions about images; answers to them; a reward for being answered in several ways; one update. */
async function playStep(step: Step, images: readonly LoadedImage[]): Promise<EventBody[]> {
  const { run } = step;
  const { questioner: config } = run.config;
  const { versions } = run.progress;
  const asked = await ask(step, images, { ...samplingOf(config), groupSize: config.groupSize });
  const [answers, groups] = await Promise.all([answerAll(step, asked), score(step, asked)]);
  const judged = await mapInSlices(groups, (group) => judge(config, group, answers), run.signal);
  const learned = await train(step, "questioner", judged, config, config.learningRate);
  // To its end: what was learned has to be recorded.
  const episodes = await mapInSlices(learned.groups, (group) => episode(step, versions, group));
  return [...episodes, figures(step, episodes, judged, learned)];
}

/** What the Reasoner makes of questions: with their image, blindly, and from a description of it. */
interface Answers {
  readonly sighted: ReadonlyMap<OpenQuestion, GivenAnswers>;
  readonly blind: ReadonlyMap<OpenQuestion, GivenAnswers>;
  /** Null where nobody asks for descriptions. */
  readonly described: ReadonlyMap<OpenQuestion, DescribedVotes> | null;
}

async function answerAll(step: Step, asked: readonly Asked[]): Promise<Answers> {
  const { questioner: config, reasoner } = step.run.config;
  const sampling = { ...samplingOf(reasoner), temperature: config.answerTemperature };
  const open = asked.flatMap(({ questions }) => questions.flatMap((each) => each.open ?? []));
  const seen = { ...sampling, samples: config.answersPerQuestion };
  const unseen = { ...sampling, samples: config.blindAnswersPerQuestion };
  const [sighted, blind, described] = await Promise.all([
    answer(step, open, seen, { purpose: "answer" }),
    answerBlindly(step, open, unseen, { purpose: "answerBlind" }),
    isGated(config.reward.form) && config.reward.followsFromDescription
      ? voteFromDescriptions(step, open, { purpose: "answer" })
      : null,
  ]);
  return { sighted, blind, described };
}

/** A question with its log-probabilities under the run's base. */
type Scored = Question & Pick<Rollout, "reference">;

/** What was asked about one image, as a group that learns. */
interface QuestionGroup<Q> extends Pick<Asked, "ref" | "prompt"> {
  readonly rollouts: readonly Q[];
}

async function score(step: Step, asked: readonly Asked[]): Promise<QuestionGroup<Scored>[]> {
  const { run } = step;
  const groups = asked.map(({ ref, prompt, questions }) => ({
    ref,
    prompt,
    rollouts: questions.map((question): Scored => ({ ...question, reference: null })),
  }));
  if (run.config.questioner.beta === 0) return groups;
  return step.time("reference", (signal) =>
    withReference(groups, run.ports.reference, run.config.questioner, signal),
  );
}

/** A question with its answers, what they amount to, and its reward: null where the Reasoner could not be asked. */
type Judged = Scored &
  Rollout &
  Pick<QuestionerReward, "parts" | "checks"> & {
    readonly answers: GivenAnswers | null;
    readonly blindAnswers: GivenAnswers | null;
    readonly verdict: Verdict | null;
  };

/** Votes become verdicts, and verdicts rewards. */
function judge(
  config: QuestionerConfig,
  { rollouts, ...group }: QuestionGroup<Scored>,
  { sighted, blind, described }: Answers,
): QuestionGroup<Judged> {
  const options = rewardOptions(config);
  const duplicates = duplicateShares(rollouts.map(({ open }) => open?.question ?? ""));
  const judged = zip(rollouts, duplicates).map(([question, duplicateShare]): Judged => {
    const { open, parsed } = question;
    const answers = (open && sighted.get(open)) ?? null;
    const blindAnswers = (open && blind.get(open)) ?? null;
    const verdict = answers && vote(answers.answers);
    const known = { ...question, answers, blindAnswers, verdict };
    const blindVerdict = blindAnswers && vote(blindAnswers.answers);
    if (parsed.ok && !verdict) return { ...known, reward: null, positive: false, parts: {}, checks: {} };
    const { total, parts, checks } = questionerReward(
      {
        parsed: parsed.ok,
        form: parsed.ok ? parsed.format : 0,
        verdict,
        duplicateShare,
        blindAgreement: verdict && blindVerdict && blindAgreement(verdict, blindVerdict),
        evidence: verdict && blindVerdict && imageEvidence(verdict, blindVerdict),
        confidence: verdict && verdict.confidence,
        described: verdict && described && bothAgree(verdict, (open && described.get(open)) ?? null),
        support: verdict && parsed.ok ? supportOf(verdict, parsed.question, parsed.answer) : null,
      },
      options,
    );
    return { ...known, reward: total, positive: total > 0, parts, checks };
  });
  return { ...group, rollouts: judged };
}

function rewardOptions({ reward }: QuestionerConfig): QuestionerRewardOptions {
  return {
    form: reward.form,
    lambda: reward.diversityWeight,
    evidenceWeight: reward.evidenceWeight,
    thresholds: {
      parse: reward.minParsedShare,
      abstention: reward.maxAbstentionShare,
      blind: reward.maxBlindAgreement,
      support: reward.minSupport || null,
      confidence: reward.minConfidence || null,
      described: reward.followsFromDescription ? 1 : null,
    },
  };
}

function episode(
  step: Step,
  versions: PolicyVersions,
  { ref: image, prompt, rollouts }: Taught<QuestionGroup<Judged>>,
): QuestionerEpisode {
  return {
    type: "questionerEpisode",
    round: step.place.round,
    phase: "questioner",
    step: step.place.step,
    role: "questioner",
    image,
    prompt: textOf(prompt),
    versions,
    rollouts: rollouts.map((question): QuestionerRollout => {
      const { answers, verdict, blindAnswers, checks, parts, reward, advantage, reference } = question;
      const record = questionRecord(step, question, answers, verdict);
      return {
        ...record,
        blindAnswers: answerRecords(step, blindAnswers),
        checks,
        parts,
        reward,
        advantage,
        referenceLogProbs: reference && [...reference],
      };
    }),
  };
}

function figures(
  step: Step,
  episodes: readonly QuestionerEpisode[],
  judged: readonly QuestionGroup<Judged>[],
  learned: Trained,
): QuestionerStep {
  const { config, ports } = step.run;
  const { truth } = ports;
  const { reward } = config.questioner;
  const questions = judged.flatMap(({ rollouts }) => rollouts);
  const rewarded = questions.filter(({ reward }) => reward !== null);
  const verdicts = questions.flatMap(({ verdict }) => verdict ?? []);
  const passed = rewarded.map(({ checks }) =>
    Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, check.passed ? 1 : 0])),
  );
  return {
    type: "questionerStep",
    ...step.place,
    phase: "questioner",
    role: "questioner",
    ...step.measurements(),
    ...trainingFigures(judged, learned),
    health: healthOf(episodes.map(({ rollouts }) => rollouts)),
    questions: verdicts.length,
    meanConfidence: meanConfidence(verdicts),
    verified: verifiedShare(verdicts),
    audit: truth && gateAudit(episodes.map((each) => gateCounts(each, reward.form, truth))),
    checks: meansByName(passed),
    parts: meansByName(rewarded.map(({ parts }) => parts)),
  };
}
