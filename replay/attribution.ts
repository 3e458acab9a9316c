import type { AttributionFigures } from "./evaluation_records.ts";

/**
 * Shares of what was described and answered from the description, by name and in the order in which they are shown; of
 * all but `usable` and `judged` among what could be judged, and null where nothing could.
 */
export function attributionShares({
  usable,
  judged,
  described,
  concluded,
  causes,
}: AttributionFigures): Record<string, number | null> {
  return { usable, judged, described, concluded, ...causes };
}
