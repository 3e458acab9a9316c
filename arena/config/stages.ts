import * as z from "zod";
import type { RewardConfig } from "../../environments/task_reward.ts";
import type { Figure } from "../../replay/scores.ts";
import type { Role } from "../../replay/self_play.ts";
import { stages as names, type StageKind, stageKinds } from "../../replay/stages.ts";
import { type Verification, verifications } from "../../rewards/reasoner.ts";
import { type EnvironmentConfig, environment, SCENE_TASKS } from "./environment.ts";
import {
  type GrpoConfig,
  groupSize,
  grpoSettings,
  type SamplingConfig,
  samplingSettings,
} from "./learning.ts";
import { type TokenCredit, tokenCredits } from "./reasoner.ts";
import { reward } from "./reward.ts";
import { type SafetyConfig, safety } from "./safety.ts";
import {
  choice,
  count,
  flag,
  number,
  optionalCount,
  optionalFlag,
  optionalText,
  type Settings,
  share,
  type Unresolved,
} from "./setting.ts";
import { floors, type SkillFloors } from "./skills.ts";
import { type ToolsConfig, tools } from "./tools.ts";
import { type WideningConfig, widening } from "./widening.ts";

/** Figures that a stage may have to reach. */
const floorFigures = ["greedy", "mean8", "mean8_t06", "maj8", "pass8"] as const;

/** The least that the last evaluation of a stage must come to, percent, by figure. */
export type Floors = { readonly [F in Figure & (typeof floorFigures)[number]]?: number | undefined };

/** Rounds of self-play, by the settings outside of the stages. */
export interface SelfPlayStage {
  readonly kind: "self_play";
  /** Null: as many as `rounds` says. */
  readonly rounds: number | null;
  /** Turns of the Reasoner until it has answered a question, at most; only with tools. */
  readonly maxTurns: number;
  readonly tools: ToolsConfig;
  readonly requires: Floors;
}

/** How much of what it is given a stage learns from. */
interface Amount {
  readonly rows: number | null;
  readonly epochs: number;
  /** Null: as many as the epochs take. */
  readonly steps: number | null;
  readonly itemsPerStep: number;
  readonly requires: Floors;
}

/** What a stage that learns from labelled data learns from. */
export interface DataSettings extends Amount {
  readonly data: string;
  readonly columns: string | null;
}

/** How a stage learns from groups of trajectories. */
export interface TrajectorySettings extends SamplingConfig, GrpoConfig {
  readonly groupSize: number;
  readonly samplingCalls: number;
  readonly reward: RewardConfig;
}

/** GRPO on labelled questions. */
export interface GrpoStage extends DataSettings, TrajectorySettings {
  readonly kind: "grpo";
  readonly verification: Verification;
  /** Who is credited: all tokens alike, or the chain for what follows from it and the answer for the rest. */
  readonly attribution: TokenCredit;
}

/** GRPO in an environment. */
export interface EnvironmentStage extends Amount, TrajectorySettings {
  readonly kind: "environment";
  readonly environment: EnvironmentConfig;
  /** Turns of the policy in one trajectory, at most. */
  readonly maxTurns: number;
  readonly tools: ToolsConfig;
  /** Whether it imitates what the environment demonstrates, in place of GRPO. */
  readonly imitates: boolean;
  readonly credit: Credit;
  readonly floors: SkillFloors;
  readonly safety: SafetyConfig;
  readonly widening: WideningConfig;
}

/**
 * Of what a turn's tokens have the advantage: of the trajectory, or of what was earned from the turn on; or, by part, those that
 * say what is seen first, of how right that is, and the others of the trajectory.
 */
export const credits = ["whole", "by_turn", "by_part"] as const;
export type Credit = (typeof credits)[number];

/** Imitation of given answers. */
export interface SftStage extends DataSettings {
  readonly kind: "sft";
  /** The column of the thinking before an answer. */
  readonly chain: string | null;
  /** Whether the data's questions are imitated, too. */
  readonly asks: boolean;
  readonly learningRate: number;
  readonly learningRateEnd: number;
  readonly schedule: Schedule;
  /** Tokens of the longest completion that is learnt from. */
  readonly maxTokens: number;
  readonly heldOut: number;
  readonly heldOutEvery: number;
}

/** How a learning rate goes from its peak to its end. */
export const schedules = ["cosine", "linear", "constant"] as const;
export type Schedule = (typeof schedules)[number];

export type StageConfig = SelfPlayStage | GrpoStage | SftStage | EnvironmentStage;

/** One before what depends on the model is resolved. */
export type StageSettings =
  | SelfPlayStage
  | Unresolved<GrpoStage, "maxTokens">
  | Unresolved<EnvironmentStage, "maxTokens">
  | Unresolved<SftStage, "maxTokens" | "asks">;

const percent = z.number().min(0).max(100).optional();

const requires = z
  .strictObject(Object.fromEntries(floorFigures.map((figure) => [figure, percent])))
  .default({})
  .describe(
    `the least that the stage's last evaluation must come to, else the run ends (percent), such as {greedy: 60}; of ${floorFigures.join(", ")}`,
  ) as unknown as z.ZodType<Floors, Floors | undefined>;

const selfPlay = z.strictObject({
  kind: z.literal("self_play").describe("rounds of self-play, by the groups of settings above"),
  rounds: optionalCount("how many; null: as `rounds` says"),
  maxTurns: count(8, "turns of the Reasoner until it has answered a question, at most; 1 without tools"),
  tools,
  requires,
});

const amount = (item: string, all = "all"): Settings<Amount> => ({
  rows: optionalCount(`the first so many of its ${item}s; null: ${all}`),
  epochs: number(1, `times that every ${item} is learnt from, at most; parts of one, too`, 1e-9),
  steps: optionalCount("optimiser steps; null: as many as the epochs take"),
  itemsPerStep: count(32, `${item}s per step`),
  requires,
});

const dataSettings: Settings<DataSettings> = {
  data: z
    .string("expected labelled data, such as a Parquet file, a folder or owner/name on the hub")
    .min(1)
    .describe("questions with pictures and answers, in any form that evaluation.data takes"),
  columns: optionalText("its columns, as question=NAME,answer=NAME,image=NAME; null: by their usual names"),
  ...amount("row"),
};

const trajectorySettings: Settings<Unresolved<TrajectorySettings, "maxTokens">> = {
  groupSize: groupSize(),
  samplingCalls: count(
    1,
    "calls that sample for a step at most: where groups have no lesson, for their rewards are all alike, others are sampled in their place (DAPO's dynamic sampling); 1 replaces none",
  ),
  ...samplingSettings("reasoner"),
  ...grpoSettings({ learningRate: 2e-4, learningRateEnd: 0, beta: 0.02, positiveWeight: 0 }),
  beta: number(0.02, "weight of the k3 KL to the model that the stage starts from; 0 needs no reference"),
  reward,
};

const grpo = z.strictObject({
  kind: z.literal("grpo").describe("groups of answers to labelled questions, rewarded by their labels"),
  ...dataSettings,
  ...trajectorySettings,
  verification: choice(
    verifications,
    "none",
    "what a right answer whose chain does not lead to a right one alone earns of correctness: all, half (staged) or nothing (gate)",
  ),
  attribution: choice(
    tokenCredits,
    "whole",
    "who is credited: all tokens for the whole reward, or (by_part) the chain for whether a right answer follows from it alone, and the answer for the reward",
  ),
});

const environmentStage = z.strictObject({
  kind: z.literal("environment").describe("groups of trajectories in an environment, rewarded by it"),
  environment,
  maxTurns: count(8, "turns of the model in one trajectory, at most"),
  tools,
  imitates: flag(
    false,
    "imitate, turn by turn, what the environment demonstrates, in place of GRPO on what it rewards",
  ),
  credit: choice(
    credits,
    "whole",
    "what tokens are credited with: all that their trajectory earned (whole), only what was earned from their turn on (by_turn), or, for those that say what is seen first, how right that is (by_part)",
  ),
  floors,
  safety,
  widening,
  ...amount("task", `all (of scenes and simulators ${SCENE_TASKS})`),
  ...trajectorySettings,
});

const sft = z.strictObject({
  kind: z.literal("sft").describe("cross-entropy on the given answers, in the run's format"),
  ...dataSettings,
  chain: optionalText(
    "the column with the thinking before an answer; null: none, unless the answers bring it in tags",
  ),
  asks: optionalFlag(
    "its questions are imitated, too, as what the Questioner is to ask; null: where self-play follows, whose Questioner starts from this model",
  ),
  learningRate: number(2e-4, "AdamW step size of the text model at its highest (1/step)"),
  learningRateEnd: share(0, "learning rate that the stage ends with, as a share of the highest"),
  schedule: choice(schedules, "cosine", "how it gets there after the warm-up"),
  maxTokens: optionalCount("longest completion that is learnt from (tokens); null: as reasoner.maxTokens"),
  heldOut: count(
    200,
    "rows that are not learnt from, a tenth of all at most: their loss shows when it is enough",
    0,
  ),
  heldOutEvery: count(
    25,
    "steps from one measurement of that loss to the next; there is one after the last, too",
  ),
});

export const stages: z.ZodType<readonly StageSettings[]> = z
  .array(
    z.discriminatedUnion("kind", [selfPlay, grpo, sft, environmentStage], {
      error: ({ code }) =>
        code === "invalid_union" ? `expected one of ${stageKinds.join(", ")}` : undefined,
    }),
  )
  .min(1, "expected at least one stage")
  .prefault([{ kind: "self_play" }] as never)
  .describe(
    "what the run is made of, in turn; each stage starts from the model that the one before made",
  ) as never;

/** A stage, and where it stands in its run. */
export interface Stage<C extends StageConfig = StageConfig> {
  readonly index: number;
  /** What its events are recorded under. */
  readonly name: string;
  readonly config: C;
  /** Rounds count through the run: so many came before, and so many are the stage's own. */
  readonly before: number;
  readonly rounds: number;
}

/** The stages of a configuration, in their order. */
export function stagesOf({ rounds, stages }: Staged): Stage[] {
  let before = 0;
  const seen = new Map<StageKind, number>();
  return stages.map((config, index) => {
    const own = roundsOf(config, rounds);
    const times = (seen.get(config.kind) ?? 0) + 1;
    seen.set(config.kind, times);
    const { name } = names[config.kind];
    const stage = { index, name: times === 1 ? name : `${name}${times}`, config, before, rounds: own };
    before += own;
    return stage;
  });
}

/** The part of a configuration that tells its stages. */
interface Staged<S extends StageSettings = StageConfig> {
  readonly rounds: number;
  readonly stages: readonly S[];
}

/** Stages with what depends on the model resolved: the longest answer of its Reasoner, in tokens. */
export function resolveStages(stages: readonly StageSettings[], maxTokens: number): StageConfig[] {
  return stages.map((stage, index) => {
    if (stage.kind === "self_play") return stage;
    const known = { maxTokens: stage.maxTokens ?? maxTokens };
    if (stage.kind !== "sft") return { ...stage, ...known };
    return { ...stage, ...known, asks: stage.asks ?? hasStage({ stages: stages.slice(index) }, "self_play") };
  });
}

/** The optimiser steps of a stage with so many rows or tasks. */
export function stepsOf({ steps, epochs, itemsPerStep }: Amount, rows: number): number {
  return steps ?? Math.max(1, Math.ceil((epochs * rows) / Math.min(itemsPerStep, rows)));
}

/** How many of so many rows a stage holds out: a tenth at most. */
export function heldOutRows({ heldOut }: SftStage, rows: number): number {
  return Math.min(heldOut, Math.floor(rows / 10));
}

/** How often a stage of so many steps measures the loss of what it holds out: before some of them, and after the last. */
export function heldOutTimes({ heldOutEvery }: SftStage, steps: number): number {
  return Math.ceil((steps - 1) / heldOutEvery) + 1;
}

function roundsOf(config: StageSettings, rounds: number): number {
  return config.kind === "self_play" ? (config.rounds ?? rounds) : 1;
}

/** The number of a stage's last round. */
export function lastRoundOf({ before, rounds }: Pick<Stage, "before" | "rounds">): number {
  return before + rounds;
}

/** Where a round's model of a policy lies, relative to the run's folder. */
export function modelFolder(round: number, role: Role): string {
  return `round-${round}/${role}`;
}

/** The model that a stage starts from, relative to the run's folder; null for the run's own. */
export function startFolder({ index, before }: Pick<Stage, "index" | "before">): string | null {
  return index === 0 ? null : modelFolder(before, "reasoner");
}

/** The rounds of all stages. */
export function allRounds({ rounds, stages }: Staged<StageSettings>): number {
  return stages.reduce((sum, stage) => sum + roundsOf(stage, rounds), 0);
}

/** Whether a configuration has a stage of a kind. */
export function hasStage({ stages }: Pick<Staged<StageSettings>, "stages">, kind: StageKind): boolean {
  return stages.some((stage) => stage.kind === kind);
}
