import type { ModelRecord } from "./records.ts";

/** Events of a run as a whole. */

/** The run begins, at its base or, where it is a fork, at another run's checkpoint. */
export interface RunStarted {
  readonly type: "runStarted";
  /** The version of this program; null where it did not say. */
  readonly release: string | null;
  /** The resolved configuration. */
  readonly config: unknown;
  readonly images: number;
  /** By role. */
  readonly models: Readonly<Record<string, ModelRecord>>;
}

/** Every policy written as a model folder. */
export interface ModelsSaved {
  readonly type: "modelsSaved";
  readonly round: number;
  /** By role, relative to the run's folder. */
  readonly folders: Readonly<Record<string, string>>;
}

/** All that a resume needs, under checkpoints/ and its name. */
export interface CheckpointSaved {
  readonly type: "checkpointSaved";
  readonly round: number;
  readonly id: string;
  readonly bytes: number;
  readonly durationMs: number;
}

/** The run goes on, from a checkpoint at this place. */
export interface RunResumed {
  readonly type: "runResumed";
  /** The version of this program, which may have changed; null where it did not say. */
  readonly release: string | null;
  /** The resolved configuration, which may have been changed. */
  readonly config: unknown;
  /** How many there are now; null where it did not say. */
  readonly images: number | null;
  readonly checkpoint: string;
  readonly round: number;
  readonly leg: string;
  readonly step: number;
}

/** Somebody stopped the run; it can be resumed. */
export interface RunStopped {
  readonly type: "runStopped";
}

export interface RunFinished {
  readonly type: "runFinished";
  readonly rounds: number;
  readonly durationMs: number;
  /** Optimiser steps that each policy has taken since the run's base, by role; null where it did not say. */
  readonly updates: Readonly<Record<string, number>> | null;
}

/** The last event of a run that ended by an error. */
export interface RunFailed {
  readonly type: "runFailed";
  readonly code: string;
  readonly message: string;
}
