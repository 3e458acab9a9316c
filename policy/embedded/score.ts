import type { ActivityReport } from "./activity.ts";
import { scoreGraph } from "./graphs.ts";
import { concatTokens, prefixRows } from "./learning_work.ts";
import { microBatchFeeds, planMicroBatches, type TreeJob } from "./micro_batch.ts";
import type { Pause } from "./pause.ts";
import type { EncodedPrompt } from "./prefill.ts";
import type { GraphTools } from "./sessions.ts";

/** What scoring has of its policy. */
export interface ScoreTools extends GraphTools {
  readonly activity: ActivityReport;
}

/** A prompt and completions of it, [G][T]. */
export interface ScoredGroup {
  readonly prompt: EncodedPrompt;
  readonly completions: readonly Int32Array[];
}

export interface ScoreOptions {
  /** The parameters' numbers by their names in graphs. */
  readonly weights: Readonly<Record<string, Float32Array>>;
  readonly temperature: number;
  /** Padded tokens that are scored together. */
  readonly maxTokens: number;
}

/**
 * The log-probability of every token of the groups' completions, [groups][G][T]; each prompt is computed once.
 * `pause` is made between graph runs.
 */
export async function score(
  { model, tensors, sessions, activity }: ScoreTools,
  groups: readonly ScoredGroup[],
  { weights, temperature, maxTokens }: ScoreOptions,
  pause: Pause,
): Promise<Float32Array[][]> {
  const jobs = groups.map(({ prompt, completions }): TreeJob => {
    return { prefix: concatTokens(prompt.prefix, prompt.suffix), image: prompt.image, targets: completions };
  });
  const imageRows = groups.map(({ prompt }) => prompt.imageRows);
  const result: Float32Array[][] = groups.map(() => []);
  const batches = planMicroBatches(model, jobs, maxTokens);
  activity.begin("scoring", batches.length);
  for (const batch of batches) {
    await pause();
    const { shape } = batch;
    const session = await sessions.get("score", { ...shape, temperature }, () =>
      scoreGraph(model, tensors, shape, temperature),
    );
    const outputs = await session.run({
      ...weights,
      ...microBatchFeeds(model, batch, jobs),
      image_rows: prefixRows(model, batch, imageRows),
    });
    const logProbs = outputs.log_probs as Float32Array;
    batch.jobs.forEach((job, p) => {
      const { targets } = jobs[job] as TreeJob;
      targets.slice(batch.firstBranch, batch.firstBranch + shape.branches).forEach((target, b) => {
        const at = (p * shape.branches + b) * (shape.branchLength + 1);
        result[job]?.push(logProbs.slice(at, at + target.length));
      });
    });
    activity.advance();
  }
  return result;
}
