import { type RunConfig, RunSettingsSchema, runConfig } from "../../arena/config/config.ts";

/** The configuration of a run with some settings, of a model whose folder says nothing of its own. */
export function configOf(settings: object = {}): RunConfig {
  return runConfig(RunSettingsSchema.parse(settings));
}
