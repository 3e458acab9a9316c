import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { resolve as absolute, join } from "node:path";
import { type RunSettings, RunSettingsSchema } from "../arena/config/config.ts";
import { type EnvironmentConfig, isBuiltIn } from "../arena/config/environment.ts";
import type { StageSettings } from "../arena/config/stages.ts";
import type { RewardConfig } from "../environments/task_reward.ts";
import { parseHubData } from "../hub/name.ts";
import { type Layer, resolve } from "./settings.ts";

/**
 * The settings of a run from layers, as `resolve` merges them, such that they mean the same wherever they are read again:
 * `~` is the user's home, and paths of what a run reads are absolute.
 */
export function runSettings(layers: readonly Layer[]): RunSettings {
  const settings = resolve(RunSettingsSchema, layers);
  const { stages, images, evaluation, alarms, model, out } = settings;
  const name = fromHome(model.name);
  return {
    ...settings,
    model: { ...model, name: name !== "tiny" && existsSync(name) ? absolute(name) : model.name },
    out: out && fromHome(out),
    images: { ...images, data: place(images.data) },
    stages: stages.map(placeStage),
    evaluation: { ...evaluation, data: place(evaluation.data) },
    alarms: { ...alarms, audited: place(alarms.audited) },
  };
}

function placeStage(stage: StageSettings): StageSettings {
  if (stage.kind === "self_play") return stage;
  if (stage.kind === "environment") {
    const { name, data, options } = stage.environment;
    const path = isBuiltIn(name) ? name : absolute(fromHome(name));
    const environment = {
      ...stage.environment,
      name: path,
      data: place(data),
      options: placeOptions(name, options),
    };
    return { ...stage, environment, reward: placeReward(stage.reward) };
  }
  const data = place(stage.data) ?? stage.data;
  return stage.kind === "sft" ? { ...stage, data } : { ...stage, data, reward: placeReward(stage.reward) };
}

/** An interpreter that is no name to look for, by an absolute path. */
function placeOptions(name: string, options: EnvironmentConfig["options"]): EnvironmentConfig["options"] {
  const { python } = options;
  if (name !== "gymnasium" || typeof python !== "string" || !/[/\\]/.test(python)) return options;
  return { ...options, python: absolute(fromHome(python)) };
}

function placeReward(reward: RewardConfig): RewardConfig {
  return { ...reward, module: reward.module && absolute(fromHome(reward.module)) };
}

/** Data by an absolute path, unless it is no file and may be on the hub. */
function place(data: string | null): string | null {
  const path = data && fromHome(data);
  return path && parseHubData(path) && !existsSync(path) ? path : path && absolute(path);
}

function fromHome(path: string): string {
  return path === "~" || /^~[/\\]/.test(path) ? join(homedir(), path.slice(1)) : path;
}
