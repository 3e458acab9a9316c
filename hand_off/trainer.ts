import type { JobPlaces, Machines, Phase, Trainer } from "./phase.ts";

/** How a phase becomes a job of one trainer. */
export interface TrainerRules {
  readonly name: Trainer;
  /** The trainer's release whose names of settings these are. */
  readonly release: string;
  /** What it is told beside the settings of a phase, by its own dotted names. */
  told(phase: Phase, places: JobPlaces, machines: Machines): Readonly<Record<string, unknown>>;
  /** What stands in its configuration file before all that. */
  readonly preamble: Readonly<Record<string, unknown>>;
  /** The shell command that plays the phase and leaves its weights as safetensors in `result`. */
  entrypoint(phase: Phase, places: JobPlaces): string;
  /** Where the weights lie then. */
  result(phase: Phase, places: JobPlaces): string;
}

/** Longest prompt, its picture's tokens included. */
export const maxPromptTokens = 8192;

/** What both are told of machines, logs and when to look at how it goes: never before the first step. */
export function trainerSettings(
  { round }: Phase,
  { nodes, gpus }: Machines,
): Readonly<Record<string, unknown>> {
  return {
    "trainer.nnodes": nodes,
    "trainer.n_gpus_per_node": gpus,
    "trainer.logger": ["console"],
    "trainer.project_name": "visplay",
    "trainer.experiment_name": `round-${round}`,
    "trainer.val_before_train": false,
  };
}

/** The folder of a trainer's last checkpoint of the policy: both have the same. */
export function actorFolder({ steps }: Phase, { output }: JobPlaces): string {
  return `${output}/global_step_${steps}/actor`;
}
