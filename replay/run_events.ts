import type { ModelRecord, Role } from "./records.ts";

/** Events of a run as a whole. */

/** The run begins, at its base or, where it is a fork, at another run's checkpoint. */
export interface RunStarted {
  readonly type: "runStarted";
  /** The version of this program; absent in older records. */
  readonly release?: string;
  /** The resolved configuration. */
  readonly config: unknown;
  readonly images: number;
  readonly models: Readonly<Record<Role, ModelRecord>>;
}

/** Both policies written as model folders, relative to the run's folder. */
export interface ModelsSaved {
  readonly type: "modelsSaved";
  readonly round: number;
  readonly folders: Readonly<Record<Role, string>>;
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
  /** The version of this program, which may have changed; absent in older records. */
  readonly release?: string;
  /** The resolved configuration, which may have been changed. */
  readonly config: unknown;
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
  /** Optimiser steps that each policy has taken since the run's base; absent in older records. */
  readonly updates?: Readonly<Record<Role, number>>;
}

/** The last event of a run that ended by an error. */
export interface RunFailed {
  readonly type: "runFailed";
  readonly code: string;
  readonly message: string;
}
