import type { Feeds } from "../../autodiff/onnx/session.ts";
import { type GapSums, gapSums, joinGaps } from "../sampler_gap.ts";
import type { Learner } from "./learner.ts";
import { type LearningWork, pictures, placedRows } from "./learning_work.ts";
import { imagesOfBatch, microBatchFeeds, planUpdate, type UpdateTokens } from "./micro_batch.ts";
import type { Pause } from "./pause.ts";
import type { TokenSums } from "./replica.ts";
import type { ScoreTools } from "./score.ts";
import { updateGraph } from "./update_graph.ts";

/** What an update has of its policy. */
export interface UpdateTools extends ScoreTools {
  readonly learner: Learner;
}

/** How an update is cut into micro-batches. */
export interface UpdatePlan {
  readonly tokens: UpdateTokens;
  /** Whether layers are computed again instead of kept; null: where a group is too large otherwise. */
  readonly recomputes: boolean | null;
}

/**
 * Adds the gradients of some work to the learner's, micro-batch by micro-batch. `imageRows` are those of the work's
 * images by id; null where gradients flow into them, and the graph encodes the images itself. `pause` is made
 * between graph runs.
 */
export async function accumulate(
  { model, tensors, sessions, activity, learner }: UpdateTools,
  work: LearningWork,
  imageRows: ReadonlyMap<string, Float32Array> | null,
  plan: UpdatePlan,
  pause: Pause,
): Promise<Omit<TokenSums, "tokens">> {
  const totals = { kl: 0, clipped: 0, gap: null as GapSums | null };
  const { batches, recomputes } = planUpdate(model, work.jobs, plan.tokens, plan.recomputes);
  activity.begin("updating", batches.length);
  for (const batch of batches) {
    await pause();
    const shown = imagesOfBatch(batch, work.jobs);
    const encoded = imageRows === null ? pictures(model, shown, batch.shape) : null;
    const ready = (): Feeds => {
      const rows = shown.map((images) => images.map(({ id }) => imageRows?.get(id) as Float32Array));
      return placedRows(model, batch.shape, rows);
    };
    const { images, feeds } = encoded ?? { images: null, feeds: ready() };
    const shape = { ...batch.shape, images, recomputes };
    const session = await sessions.get("update", { ...shape, ...work.objective }, () =>
      updateGraph(model, tensors, shape, work.objective, learner.trainable),
    );
    const tree = microBatchFeeds(model, batch, work.jobs);
    const given = work.feeds(batch);
    const outputs = await learner.accumulate(session, { ...tree, ...feeds, ...given });
    totals.kl += outputs.kl?.[0] ?? 0;
    totals.clipped += outputs.clipped?.[0] ?? 0;
    const { old_log_probs: atSampling, weights } = given;
    if (outputs.log_probs && atSampling && weights)
      totals.gap = joinGaps([totals.gap, gapSums(outputs.log_probs, atSampling, weights)]);
    activity.advance();
  }
  return totals;
}
