/** The parts of a labelled task's reward that are always computed. */
export type TaskPart = "correctness" | "reasoning" | "format" | "length";

/** Parts that have a weight of their own: those, how well it knows how right it is, whether the answer follows from its chain, how right what is said of the picture is, and how well tools are used. */
export const weightedParts = [
  "correctness",
  "reasoning",
  "format",
  "length",
  "certainty",
  "description",
  "understanding",
  "toolUse",
] as const;
export type WeightedPart = (typeof weightedParts)[number];

/**
 * Rewards by name: `task`, by the answer; `vista`, as VISTA-R1 was trained (`rewards/vista.ts`); `agent`, of what an agent says of
 * the picture, how it uses tools, and the answer.
 */
export const rewardPresets = ["task", "vista", "agent"] as const;
export type RewardPreset = (typeof rewardPresets)[number];

/** The weights of each where nobody says otherwise. */
export const presetWeights: Readonly<Record<RewardPreset, Readonly<Record<WeightedPart, number>>>> = {
  task: {
    correctness: 0.9,
    reasoning: 0,
    format: 0.1,
    length: 0,
    certainty: 0,
    description: 0,
    understanding: 0,
    toolUse: 0,
  },
  vista: {
    correctness: 1,
    reasoning: 0,
    format: 1,
    length: 0,
    certainty: 0,
    description: 0,
    understanding: 0,
    toolUse: 0,
  },
  agent: {
    correctness: 0.5,
    reasoning: 0,
    format: 0,
    length: 0,
    certainty: 0,
    description: 0,
    understanding: 0.2,
    toolUse: 0.3,
  },
};
