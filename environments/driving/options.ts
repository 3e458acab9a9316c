import * as z from "zod";

/** What the settings' `options` may say of the driving simulator. */
export interface DrivingOptions {
  /** Only the suite: whole drives through the scenarios, decision by decision. */
  readonly suite: boolean;
  /** Decisions of such a drive, at most. */
  readonly decisions: number;
  /** How often the suite has each of its scenarios: as written, then each time a little otherwise. */
  readonly variations: number;
  /** Seconds over which what follows a decision is played. */
  readonly horizon: number;
  /** K: how often, each time with others who behave a little otherwise. */
  readonly futures: number;
  /** The share of demonstrations by a careless driver, who decides at random. */
  readonly careless: number;
  /** The share of tasks that begin in one of the files' scenarios, varied; the others are drawn. */
  readonly edgeShare: number;
}

const share = z.number().min(0).max(1);

export const drivingOptions: z.ZodType<DrivingOptions> = z.strictObject({
  suite: z.boolean().default(false),
  decisions: z.int().min(1).max(100).default(12),
  variations: z.int().min(1).max(100).default(2),
  horizon: z.int().min(1).max(30).default(5),
  futures: z.int().min(1).max(256).default(8),
  careless: share.default(0.1),
  edgeShare: share.default(0.5),
});
