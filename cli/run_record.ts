import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedCheckpoint } from "../arena/checkpoints/checkpoint_store.ts";
import { VisplayError } from "../common/errors.ts";
import { ReplayReader } from "../replay/reader.ts";
import { REPLAY_NAME } from "../replay/schema.ts";
import { differences } from "./differences.ts";
import { runSettings } from "./run_settings.ts";
import { fileLayer, type Layer } from "./settings.ts";

/** The name of a run's settings in its folder. */
export const configName = "config.yaml";

/** What a run's replay says of how it was played; of what no resume has superseded. */
export interface RunRecord {
  /** The last event's number; 0 where there is none. */
  readonly position: number;
  /** The settings that it was started or resumed with last; null before that. */
  readonly config: unknown;
  /** The release of this program that did so; null before that, and for those that did not say. */
  readonly release: string | null;
  readonly hasFinished: boolean;
}

/** Reads what the replay in a run's folder says, nothing where there is none. */
export function recordOf(run: string): RunRecord {
  let record: RunRecord = { position: 0, config: null, release: null, hasFinished: false };
  if (!existsSync(join(run, REPLAY_NAME))) return record;
  using reader = ReplayReader.open(run);
  for (const { event } of reader.milestones()) {
    const hasFinished = event.type === "runFinished";
    record = { ...record, hasFinished };
    if (event.type !== "runStarted" && event.type !== "runResumed") continue;
    record = { ...record, config: event.config, release: event.release ?? null };
  }
  return { ...record, position: reader.state.position };
}

/**
 * The settings in a run's folder: those that it was played with, unless somebody has changed them since. Where the file
 * is gone or empty, they come from a checkpoint or the replay, and that is said. Throws "config" where nothing tells
 * them.
 */
export async function savedSettings(
  run: string,
  { saved, record }: { readonly saved: LoadedCheckpoint | null; readonly record: RunRecord },
  say: (line: string) => void,
): Promise<{ readonly stored: Layer; readonly played: Layer }> {
  const path = join(run, configName);
  const written = existsSync(path) ? fileLayer(path) : null;
  const stored = written && Object.keys(written.values).length > 0 ? written : null;
  const source = saved ? `checkpoint ${saved.id}` : `the replay of ${run}`;
  const known = saved?.config ?? record.config;
  if (known) {
    const played: Layer = { values: known as Layer["values"], where: () => source };
    if (!stored) say(`${path} is ${written ? "empty" : "gone"}; the settings are restored from ${source}`);
    return { stored: stored ?? played, played };
  }
  // Nothing was played yet: then the file is whole as it was written, or worth nothing.
  const lacking = stored ? differences(stored.values, runSettings([stored])) : ["all settings"];
  if (stored && lacking.length === 0) return { stored, played: stored };
  const found = `${path} is not as it was written when the run began, and nothing was recorded since`;
  throw new VisplayError("config", [`${found}; start a new run:`, ...lacking].join("\n  "));
}

/** Throws "notARun" where a folder holds nothing of a run. */
export async function requireRun(path: string): Promise<void> {
  const found = await stat(join(path, configName)).catch(() => undefined);
  if (found?.isFile() || existsSync(join(path, REPLAY_NAME))) return;
  const expected = `it has no ${configName} and no ${REPLAY_NAME}; expected one under runs/`;
  throw new VisplayError("notARun", `${path} is not the folder of a run: ${expected}`);
}
