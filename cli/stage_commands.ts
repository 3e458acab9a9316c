import type { Command } from "commander";
import { addSettings, type FlagName } from "./options.ts";
import { type Layer, valueLayer } from "./settings.ts";
import { train } from "./train.ts";

const shared: readonly FlagName[] = [
  "model",
  "device",
  "engine",
  "stageData",
  "stageColumns",
  "testData",
  "out",
  "seed",
];

/** Adds `visplay grpo`: answers to labelled questions, rewarded by their labels, make a better model. */
export function addGrpo(program: Command): void {
  const description = "GRPO on labelled data: groups of answers, rewarded by their labels";
  addStage(program, "grpo", description, [...shared, "epochs", "steps", "stageVerifier", "metricsPort"]);
}

/** Adds `visplay sft`: a model learns to give the answers of labelled data. */
export function addSft(program: Command): void {
  const description = "supervised fine-tuning: cross-entropy on the answers of labelled data";
  addStage(program, "sft", description, [...shared, "epochs", "steps", "chain", "metricsPort"]);
}

/** A command for runs of one stage of a kind, whose settings are those of `stages.0`. */
function addStage(program: Command, kind: string, description: string, flags: readonly FlagName[]): void {
  const command = program.command(kind).description(description);
  const layers = addSettings(command, flags);
  command.action(() => {
    const stage: Layer = valueLayer(`visplay ${kind}`, ["stages"], [{ kind }]);
    return train([stage, ...layers()]);
  });
}
