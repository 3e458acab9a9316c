/** A question of a run's curriculum phase and the answer that votes gave it: what an export selects from. */
export interface CurriculumRecord {
  /** The run's name. */
  readonly run: string;
  /** Which of the runs that are exported together, from 0. */
  readonly runIndex: number;
  readonly round: number;
  /** Where the replay has it; null where the run was forked from another one after that. */
  readonly origin: { readonly episode: number; readonly rollout: number } | null;
  /** The image's content, and what it was called. */
  readonly image: string;
  readonly imageName: string;
  /** Path of the image's file; null where the run has not kept it. */
  readonly file: string | null;
  readonly question: string;
  readonly answer: string;
  /** Share of the answer among the votes, 0 to 1. */
  readonly confidence: number;
  readonly votes: readonly Vote[];
  /** Of the votes. */
  readonly abstentions: number;
  /** Answers that are no vote. */
  readonly parseFailures: number;
  /** Votes that a tool verified; null where nothing could be called. */
  readonly verified: number | null;
  /** "admitted", or why it did not enter the curriculum. */
  readonly outcome: string;
  /** Share of the Reasoner's answers, the last time that it was taught with it, that agreed; null for never. */
  readonly agreement: number | null;
}

export interface Vote {
  readonly answer: string;
  readonly count: number;
}

/** A record that was selected. */
export interface ExportItem extends CurriculumRecord {
  /** Questions that say nearly the same, over all that is exported. */
  readonly cluster: number;
  readonly split: string;
}

export function countVotes({ votes }: Pick<CurriculumRecord, "votes">): number {
  return votes.reduce((sum, { count }) => sum + count, 0);
}
