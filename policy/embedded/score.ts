import type { ActivityReport } from "./activity.ts";
import { predictedLength, scoreGraph } from "./graphs.ts";
import { placedRows } from "./learning_work.ts";
import { imagesOfBatch, microBatchFeeds, planMicroBatches, type TreeJob } from "./micro_batch.ts";
import type { Pause } from "./pause.ts";
import type { EncodedImage } from "./prefill.ts";
import type { GraphTools } from "./sessions.ts";

/** What scoring has of its policy. */
export interface ScoreTools extends GraphTools {
  readonly activity: ActivityReport;
}

export interface ScoreOptions {
  /** The parameters' numbers by their names in graphs. */
  readonly weights: Readonly<Record<string, Float32Array>>;
  readonly temperature: number;
  /** Padded tokens that are scored together. */
  readonly maxTokens: number;
}

/**
 * The log-probability of every sampled token of the jobs' targets, [jobs][targets][T]; each prefix is computed once.
 * `pause` is made between graph runs.
 */
export async function score(
  { model, tensors, sessions, activity }: ScoreTools,
  jobs: readonly TreeJob<EncodedImage>[],
  { weights, temperature, maxTokens }: ScoreOptions,
  pause: Pause,
): Promise<Float32Array[][]> {
  const result: Float32Array[][] = jobs.map(() => []);
  const batches = planMicroBatches(model, jobs, maxTokens);
  activity.begin("scoring", batches.length);
  for (const batch of batches) {
    await pause();
    const { shape } = batch;
    const session = await sessions.get("score", { ...shape, temperature }, () =>
      scoreGraph(model, tensors, shape, temperature),
    );
    const rows = imagesOfBatch(batch, jobs).map((images) => images.map((image) => image.rows));
    const outputs = await session.run({
      ...weights,
      ...microBatchFeeds(model, batch, jobs),
      ...placedRows(model, shape, rows),
    });
    const logProbs = outputs.log_probs as Float32Array;
    const length = predictedLength(shape);
    for (const [p, job] of batch.jobs.entries()) {
      const targets = jobs[job]?.targets.slice(batch.firstBranch, batch.firstBranch + shape.branches) ?? [];
      for (const [b, { tokens, sampled }] of targets.entries()) {
        const at = (p * shape.branches + b) * length;
        result[job]?.push(logProbs.slice(at, at + (sampled ?? tokens).length));
      }
    }
    activity.advance();
  }
  return result;
}
