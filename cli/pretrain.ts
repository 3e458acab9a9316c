import type { Command } from "commander";
import { z } from "zod";
import { count, group, number, seed, share } from "../arena/config/setting.ts";
import { type PretrainOptions, type PretrainProgress, pretrain } from "../policy/pretrain/pretrain.ts";
import { duration } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { addSettings } from "./options.ts";
import { resolve } from "./settings.ts";

const stage = (steps: number, images: number, learningRate: number) => ({
  steps: count(steps, "optimiser steps", 0),
  images: count(images, "scenes per step"),
  learningRate: number(learningRate, "peak AdamW step size (1/step)"),
});

const PretrainSchema = z.strictObject({
  out: z.string().min(1).default("models/tiny").describe("folder of the model"),
  seed: seed(0, "seed of everything that is drawn"),
  threads: count(2, "CPU threads"),
  vision: group(stage(150, 64, 3e-3), "the vision tower learns to name what is in each cell"),
  careful: group(stage(2600, 8, 1.5e-3), "describing and answering, from careful demonstrations"),
  careless: group(
    { ...stage(1100, 8, 1e-3), share: share(0.5, "demonstrations by a careless annotator") },
    "asking too, with random mistakes, so that votes can correct them",
  ),
  asking: group(
    stage(0, 8, 5e-4),
    "asking what is easy, as large models do of their own accord (150 steps do); 0 leave it balanced over all kinds of questions",
  ),
});

/** Adds `visplay pretrain`: the embedded model, made from nothing. */
export function addPretrain(program: Command): void {
  const command = program
    .command("pretrain")
    .description("make the embedded model from nothing, on labelled scenes");
  const layers = addSettings(command, ["out", "seed"]);
  command.action(() => makeModel(resolve(PretrainSchema, layers())));
}

async function makeModel({ out, ...options }: PretrainOptions & { readonly out: string }): Promise<void> {
  using interrupt = interruptible();
  const startedMs = Date.now();
  let latest: PretrainProgress | undefined;
  using line = new LiveLine(() => (latest ? lineOf(latest) : "starting"));
  await pretrain(out, options, (progress) => {
    interrupt.signal.throwIfAborted();
    latest = progress;
    if (progress.step === progress.steps) line.say(lineOf(progress));
  });
  line.say(`made ${out} in ${duration(Date.now() - startedMs)}`);
}

function lineOf({ stage, step, steps, loss }: PretrainProgress): string {
  return `${stage} · step ${step}/${steps} · loss ${loss.toFixed(3)}`;
}
