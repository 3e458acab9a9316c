/** The replay's name in the folder of a run. */
export const REPLAY_NAME = "replay.db";

/** Completions of an episode have the ids `episode * PLACES + place`; SCHEMA.md explains. */
export const PLACES = 65_536;

/** Figures of every episode that can be sorted by, and filtered by ranges: the columns of `episodes` with them. */
export const figureColumns = {
  round: "round",
  step: "step",
  questionerVersion: "questioner_version",
  reasonerVersion: "reasoner_version",
  reward: "reward",
  advantage: "advantage",
  confidence: "confidence",
  length: "length",
  truncated: "truncated",
} as const;

/** What stands in `columns` of every episode, and how it follows from the row in `episodes`. */
export const columnExpressions: Readonly<Record<string, string>> = {
  time: "id",
  superseded: "superseded",
  image: "image",
  ended: "rollouts - truncated",
  ...figureColumns,
};

/** Events of steps: a long run has millions of them. */
export const stepTypes: readonly string[] = [
  "questionerStep",
  "curriculumStep",
  "reasonerStep",
  "supervisedStep",
];
/** The same as SQL lists them. */
export const stepList: string = stepTypes.map((type) => `'${type}'`).join(", ");

export const stepEvents: string = `type IN (${stepList})`;

/** All others but checkpoints, which come with every few steps, and episodes, which stand elsewhere. */
export const rareEvents: string = `type NOT IN (${stepList}, 'checkpointSaved')`;
