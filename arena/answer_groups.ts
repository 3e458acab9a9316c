import { zip } from "../common/zip.ts";
import { textOf } from "../policy/prompts.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import type {
  PolicyVersions,
  ReasonerEpisode,
  ReasonerRollout,
  ReasonerStep,
  TrajectoryRecord,
} from "../replay/events.ts";
import { type Group, type Rollout, type Taught, withReference } from "../training/grpo.ts";
import { attributionFigures } from "./attribution.ts";
import type { GrpoConfig, SamplingConfig } from "./config/learning.ts";
import type { LoadedImage } from "./dialogue.ts";
import { healthOfAnswers } from "./health.ts";
import { answerRecord } from "./records.ts";
import { meansByName } from "./statistics.ts";
import type { Step } from "./step.ts";
import { type Trained, trainingFigures } from "./training.ts";

/** An answer with its reward and every part of it. */
export type RewardedAnswer = Answer &
  Rollout &
  Pick<ReasonerRollout, "parts" | "trajectory" | "verified" | "attribution">;

/** Answers to one question about an image, as a group that learns. */
export interface AnswerGroup
  extends Pick<LoadedImage, "ref">,
    Pick<ReasonerEpisode, "turns" | "tools">,
    Group<RewardedAnswer> {
  readonly question: string;
}

/** The groups, of which those that teach get the base's log-probabilities, if there is a KL. */
export async function scoreTeaching<G extends AnswerGroup>(
  step: Step,
  groups: readonly G[],
  teaching: readonly G[],
  config: Pick<GrpoConfig & SamplingConfig, "beta" | "temperature">,
): Promise<G[]> {
  if (config.beta === 0 || teaching.length === 0) return [...groups];
  const scored = await step.time("reference", (signal) =>
    withReference(teaching, step.run.ports.reference, config, signal),
  );
  return groups.map((group) => scored[teaching.indexOf(group)] ?? group);
}

/** What happened around one question, as the replay keeps it. */
export function answerEpisode(
  { place: { round, step, phase } }: Step,
  versions: PolicyVersions,
  { ref, question, prompt, turns, tools, rollouts }: Taught<AnswerGroup>,
  { view, label, confidence }: Pick<ReasonerEpisode, "view" | "label" | "confidence">,
): ReasonerEpisode {
  return {
    type: "reasonerEpisode",
    round,
    phase,
    step,
    role: "reasoner",
    image: ref,
    view,
    prompt: textOf(prompt),
    turns,
    tools,
    versions,
    question,
    label,
    confidence,
    rollouts: rollouts.map((rollout) => {
      const { parts, reward, advantage, reference, trajectory, verified, attribution, ...given } = rollout;
      return {
        ...answerRecord(given, {
          trajectory: trajectory && taughtTurns(trajectory, given.turnAdvantages),
          verified,
        }),
        attribution,
        parts,
        reward,
        advantage,
        referenceLogProbs: reference && [...reference],
      };
    }),
  };
}

/** A trajectory whose turns say what they taught. */
function taughtTurns(trajectory: TrajectoryRecord, advantages: readonly number[] | null): TrajectoryRecord {
  if (advantages === null) return trajectory;
  const turns = zip(trajectory.turns, advantages).map(([turn, advantage]) => ({ ...turn, advantage }));
  return { ...trajectory, turns };
}

/** What a step on groups of answers came to. */
export function answerFigures(
  step: Step,
  episodes: readonly ReasonerEpisode[],
  groups: readonly AnswerGroup[],
  trained: Trained,
): ReasonerStep {
  return {
    type: "reasonerStep",
    ...step.place,
    role: "reasoner",
    trajectories: null,
    imitated: null,
    attribution: attributionFigures(
      groups.flatMap(({ rollouts }) => rollouts.flatMap(({ attribution }) => attribution ?? [])),
    ),
    ...step.measurements(),
    ...trainingFigures(groups, trained),
    health: healthOfAnswers(episodes.map(({ question, rollouts }) => ({ question, answers: rollouts }))),
    parts: meansByName(groups.flatMap(({ rollouts }) => rollouts.map(({ parts }) => parts))),
  };
}
