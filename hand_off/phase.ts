import type { RunConfig } from "../arena/config/config.ts";

/** Trainers that a Reasoner phase can be handed to. */
export const trainers = ["easyr1", "verl"] as const;
export type Trainer = (typeof trainers)[number];

/** A Reasoner phase that is to be played elsewhere. */
export interface Phase {
  readonly config: RunConfig;
  readonly round: number;
  /** Rounds of self-play before it in its stage. */
  readonly roundsBefore: number;
  /** Items of its curriculum. */
  readonly items: number;
  /** Optimiser steps that it takes. */
  readonly steps: number;
  /** Optimiser steps that the Reasoner took in the stage before it. */
  readonly updates: number;
  /** Whether what the trainer holds it to is what the run does: its base. */
  readonly isAnchored: boolean;
  /** The adapters that it trains; null where it trains the parameters themselves. */
  readonly adapter: { readonly rank: number; readonly alpha: number } | null;
}

/** Where what a job reads and writes lies, as the cluster's machines see it. */
export interface JobPlaces {
  /** The Parquet file of the curriculum. */
  readonly data: string;
  /** The Reasoner's model folder; where adapters are trained, that of the model itself. */
  readonly model: string;
  /** The Reasoner's adapter; null where there is none. */
  readonly adapter: string | null;
  /** The Python file that rewards answers. */
  readonly reward: string;
  /** The configuration of the trainer. */
  readonly config: string;
  /** Where the job writes its checkpoints. */
  readonly output: string;
}

/** What machines a job has. */
export interface Machines {
  readonly nodes: number;
  /** Of each node. */
  readonly gpus: number;
}
