import { cp } from "node:fs/promises";
import { CheckpointStore, goBackTo, type SavablePolicy } from "../arena/checkpoints/checkpoint_store.ts";
import { waitForRoom } from "../arena/checkpoints/free_space.ts";
import type { RunConfig } from "../arena/config/config.ts";
import type { RunState } from "../arena/run_state.ts";
import { storedParameters, storedSteps } from "../policy/embedded/optimizer_state.ts";
import { type TakeOverOptions, takeOver } from "../policy/embedded/take_over.ts";
import { type EventBody, REPLAY_VERSION } from "../replay/events.ts";
import { type Leg, stages } from "../replay/stages.ts";
import { ReplayStore } from "../replay/store.ts";
import type { PreparedJob } from "./handed_phase.ts";
import { folderHashes } from "./inputs.ts";
import type { RunFolder } from "./run_folder.ts";
import type { Opening } from "./run_images.ts";
import type { WaitingRun } from "./waiting_run.ts";

/** What came back of a job. */
export interface HandedBack {
  /** The folder of its weights. */
  readonly weights: string;
  /** How long it took, as far as was followed. */
  readonly durationMs: number;
}

/**
 * Records a phase as played elsewhere, and makes a checkpoint behind it in which the Reasoner has the weights that came back.
 * Gives its name. Throws "model" where they do not fit; then the run stays as it was.
 */
export async function handBack(
  folder: RunFolder,
  { saved, model, stage, phase }: WaitingRun,
  job: PreparedJob,
  { weights, durationMs }: HandedBack,
  { say, show, signal }: Opening,
): Promise<string> {
  const run = folder.path;
  const { config, base } = model;
  const { round, items, steps } = phase;
  const hashes = await folderHashes("reasoner", weights, { show, signal });
  const reasoner = await takeOver(saved.folders.reasoner, weights, {
    base,
    steps,
    trains: trainedGroups(config),
  });

  await goBackTo(run, saved.id, []);
  await using store = await ReplayStore.open(run, { say, stop: signal });
  await store.resume(saved.state.replay);
  const record = (...bodies: readonly EventBody[]): Promise<void> =>
    store.append(
      bodies.map((body) => ({ version: REPLAY_VERSION, atMs: Date.now(), stage: stage.name, ...body })),
    );
  const place = { round, phase: "reasoner" } as const;
  await record(
    { type: "phaseStarted", ...place, steps },
    {
      type: "phaseHandedOff",
      ...place,
      role: "reasoner",
      trainer: job.trainer,
      job: job.request.submission_id,
      steps,
      items,
      unlike: job.unlike,
      weights: hashes,
    },
    { type: "phaseFinished", ...place, durationMs, figures: null },
  );
  const state: RunState = {
    ...saved.state,
    next: { ...saved.state.next, leg: legAfterReasoner, step: 0 },
    replay: store.position,
    emptyRounds: 0,
    playedMs: saved.state.playedMs + durationMs,
    phaseMs: 0,
  };
  const room = (bytes: number): Promise<void> =>
    waitForRoom(run, bytes, { say, waits: (reason) => show(reason ?? "saving"), stop: signal });
  const checkpoints = new CheckpointStore({ folder: run, config, attempt: store.attempt, room });
  const startedMs = Date.now();
  const policies = { questioner: storedPolicy(saved.folders.questioner), reasoner };
  const { id, bytes } = await checkpoints.save(state, policies);
  await record({ type: "checkpointSaved", round, id, bytes, durationMs: Date.now() - startedMs });
  return id;
}

/** Where a round stands once its Reasoner phase is over. */
const { legs } = stages.self_play;
const legAfterReasoner = legs[legs.indexOf("reasoner") + 1] as Leg;

/** Whether a run trains a parameter group of a model that has no adapters. */
function trainedGroups({ optimizer }: RunConfig): TakeOverOptions["trains"] {
  const { connectorLearningRateFactor: connector, visionLearningRateFactor: vision } = optimizer;
  const factors = { text: 1, connector, vision };
  return (group) => factors[group] > 0;
}

/** A policy as a checkpoint holds it. */
function storedPolicy(state: string): SavablePolicy {
  return {
    info: async () => ({ parameters: await storedParameters(state), version: await storedSteps(state) }),
    saveState: (folder) => cp(state, folder, { recursive: true }),
  };
}
