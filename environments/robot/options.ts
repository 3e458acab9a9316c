import * as z from "zod";
import { type Knob, knobs, type Range, type WorldName, worldNames } from "./world.ts";

/** What the settings' `options` may say of the robot. */
export interface RobotOptions {
  readonly world: WorldName;
  /** How far the first task, and the last, may depart from what is usual in the world: 0 not at all, 1 over all of its ranges. */
  readonly spread: Range;
  /** Ranges in place of the world's own. */
  readonly ranges: Readonly<Partial<Record<Knob, Range>>>;
  /** Whether what is asked explains the table and the form of a plan. */
  readonly explains: boolean;
}

function range(least: number, most: number): z.ZodType<Range> {
  const end = z.number().min(least).max(most);
  return z
    .tuple([end, end])
    .refine(([low, high]) => low <= high, { error: "expected [least, most]" }) as unknown as z.ZodType<Range>;
}

const ranges = z
  .strictObject(
    Object.fromEntries(
      Object.entries(knobs).map(([knob, { least, most }]) => [knob, range(least, most).optional()]),
    ),
  )
  .default({}) as unknown as z.ZodType<RobotOptions["ranges"]>;

export const robotOptions: z.ZodType<RobotOptions> = z.strictObject({
  world: z
    .enum(worldNames as readonly [WorldName, ...WorldName[]], {
      error: () => `expected one of ${worldNames.join(", ")}`,
    })
    .default("simulation"),
  spread: z
    .tuple([z.number().min(0).max(1), z.number().min(0).max(1)])
    .default([1, 1]) as unknown as z.ZodType<Range>,
  ranges,
  explains: z.boolean().default(true),
});
