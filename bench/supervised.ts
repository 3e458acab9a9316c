import { cp } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "../common/disk.ts";
import { learnStages } from "../policy/pretrain/pretrain.ts";
import { type Measure, measures, type Play, type Scores } from "./learning_report.ts";
import { embeddedModel } from "./models.ts";
import { evaluateModel, type ModelReport } from "./play.ts";

/** What bounds self-play: so many steps on fresh labelled scenes of the domain that it plays on, by what made the base. */
export const usualLesson = { steps: 1500, images: 8, learningRate: 5e-4 };

/**
 * The base trained on labelled target scenes: six answers, a description and readings of each, and the dense loss of the
 * vision tower, all parts at one rate; measured before and after on the questions that plays are measured on.
 */
export async function playSupervised(
  seed: number,
  folder: string,
  settings: readonly string[],
  lesson: typeof usualLesson = usualLesson,
): Promise<Play> {
  const base = await embeddedModel(folder);
  const model = join(folder, "model");
  await cp(base, model, { recursive: true });
  const none = { steps: 0, images: 1, learningRate: 0 };
  const options = {
    ...{ seed, threads: 2, domain: "target" as const, careful: lesson },
    ...{ vision: none, careless: { ...none, share: 0 }, asking: none },
  };
  await learnStages(model, options, ["careful"], ({ step, steps, loss }) => {
    if (step % 100 === 0 || step === steps)
      process.stderr.write(`supervised · step ${step}/${steps} · loss ${loss.toFixed(3)}\n`);
  });
  const before = await evaluateModel(base, settings);
  const after = await evaluateModel(model, settings);
  await replaceFile(join(folder, "report.json"), JSON.stringify(after));
  return {
    seed,
    base: scoresOf(before),
    rounds: [scoresOf(after)],
    outcomes: [before.outcomes, after.outcomes],
  };
}

function scoresOf({ overall }: ModelReport): Scores {
  const percent = (measure: Measure) => {
    const figure = overall[measure];
    return typeof figure === "object" ? figure.percent : null;
  };
  return Object.fromEntries(measures.map((measure) => [measure, percent(measure)])) as Scores;
}
