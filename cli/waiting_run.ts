import type { LoadedCheckpoint } from "../arena/checkpoints/checkpoint_store.ts";
import { reasonerSteps } from "../arena/config/reasoner.ts";
import { type Stage, startFolder } from "../arena/config/stages.ts";
import { withoutSecrets } from "../arena/config/watch.ts";
import { itemCount } from "../arena/curriculum.ts";
import { formatPosition, stageAt } from "../arena/run_state.ts";
import { VisplayError } from "../common/errors.ts";
import type { Phase } from "../hand_off/phase.ts";
import { storedSteps } from "../policy/embedded/optimizer_state.ts";
import { isAdapterFolder, readAdapterConfig } from "../policy/weights/adapter_config.ts";
import { openModel, type WithModel } from "./model.ts";
import { programName } from "./program_name.ts";
import type { RunFolder } from "./run_folder.ts";
import type { Opening } from "./run_images.ts";
import { recordOf, savedSettings } from "./run_record.ts";
import { runSettings } from "./run_settings.ts";

/** A run that stands before a Reasoner phase. */
export interface WaitingRun {
  readonly saved: LoadedCheckpoint;
  readonly model: WithModel;
  readonly stage: Stage;
  readonly phase: Phase;
}

/**
 * The phase before which a run stands. Throws "run" where it stands elsewhere, "emptyCurriculum" where the curriculum is too
 * small for a step.
 */
export async function waitingRun(folder: RunFolder, { say, signal }: Opening): Promise<WaitingRun> {
  const run = folder.path;
  const record = recordOf(run);
  const saved = await folder.lastCheckpoint(record, say);
  if (!saved) throw new VisplayError("run", `${run}: found no checkpoint; ${remedy(run)}`);
  const { played } = await savedSettings(run, { saved, record }, say);
  const model = await openModel(withoutSecrets(runSettings([played])), signal);
  const { config } = model;
  if (config.engine.kind !== "local")
    throw new VisplayError(
      "config",
      `engine.kind: found ${config.engine.kind}, expected local: its weights are on that server`,
    );
  const { next, curriculum } = saved.state;
  const stage = stageAt(config, next);
  const stands = next.leg === "audit" || (next.leg === "reasoner" && next.step === 0);
  if (stage.config.kind !== "self_play" || !stands)
    throw new VisplayError(
      "run",
      `${run} stands at ${formatPosition(next)}; expected it before a Reasoner phase; ${remedy(run)}`,
    );
  const items = itemCount(curriculum);
  if (items < config.reasoner.itemsPerStep) {
    const found = `${run}: found ${items} items in the curriculum of round ${next.round}`;
    throw new VisplayError(
      "emptyCurriculum",
      `${found}; expected ${config.reasoner.itemsPerStep} for one step (reasoner.itemsPerStep)`,
    );
  }
  const state = saved.folders.reasoner;
  const updates = await storedSteps(state);
  const adapter = (await isAdapterFolder(state)) ? await readAdapterConfig(state) : null;
  const phase: Phase = {
    config,
    round: next.round,
    roundsBefore: stage.before,
    items,
    steps: reasonerSteps(config.reasoner, items),
    updates,
    // Adapters are left out for the reference there, whole models are what the job begins with.
    isAnchored: adapter ? model.folder === model.base && startFolder(stage) === null : updates === 0,
    adapter,
  };
  return { saved, model, stage, phase };
}

function remedy(run: string): string {
  return `\`${programName()} resume ${run} --until-curriculum\` plays it up to there`;
}
