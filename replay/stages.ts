import { type Role, roles, SELF_PLAY } from "./self_play.ts";

/** What stages are of, as a configuration says it. */
export const stageKinds = ["self_play", "grpo", "sft", "environment"] as const;
export type StageKind = (typeof stageKinds)[number];

export type Phase =
  | "questioner"
  | "curriculum"
  | "reasoner"
  | "trial"
  | "evaluation"
  | "warmUp"
  | "grpo"
  | "sft"
  | "environment";

/** A part of a round: a phase, the audit of silver answers, or the writing of models. */
export type Leg = Phase | "audit" | "save";

/** What is fixed of a kind of stage. */
interface StageNames {
  /** What its events are recorded under. */
  readonly name: string;
  /** The policies that it trains. */
  readonly roles: readonly Role[];
  /** The legs of one of its rounds, in their order. */
  readonly legs: readonly [Leg, ...Leg[]];
}

/**
 * The kinds of stages. Before the first round of self-play there are only a trial, an evaluation where the run begins
 * with it, and a warm-up.
 */
export const stages: Readonly<Record<StageKind, StageNames>> = {
  self_play: {
    name: SELF_PLAY,
    roles,
    legs: ["questioner", "curriculum", "audit", "reasoner", "trial", "evaluation", "warmUp", "save"],
  },
  grpo: { name: "grpo", roles: ["reasoner"], legs: ["grpo", "evaluation", "save"] },
  sft: { name: "sft", roles: ["reasoner"], legs: ["sft", "evaluation", "save"] },
  environment: { name: "environment", roles: ["reasoner"], legs: ["environment", "evaluation", "save"] },
};

/** The legs of all kinds of stages, each once. */
export const legs: readonly Leg[] = [...new Set(stageKinds.flatMap((kind) => stages[kind].legs))];

/** The phases among them. */
export const phases: readonly Phase[] = legs.filter(isPhase);

/** Whether a leg is a phase. */
export function isPhase(leg: Leg): leg is Phase {
  return leg !== "audit" && leg !== "save";
}
