import type { Alarm, EvaluationReport } from "../replay/events.ts";
import { causeRemedies, examinedCauses } from "./cause_estimates.ts";
import type { AlarmsConfig } from "./config/alarms.ts";
import { isSurelyAbove } from "./statistics.ts";

type Attributed = Pick<EvaluationReport, "attribution">;

/** The sign in an evaluation that the picture is misread more often than by the base, where that is known. */
export function groundingSigns(
  report: Attributed,
  base: Attributed | null,
  { grounding: { threshold, rise } }: Pick<AlarmsConfig, "grounding">,
): Pick<Alarm, "name" | "value" | "threshold" | "message">[] {
  const now = examinedCauses(report)?.overall.grounding;
  const before = base && examinedCauses(base)?.overall.grounding;
  if (!now) return [];
  const sign = (bound: number, expected: string) => ({
    ...{ name: "grounding" as const, value: now.percent / 100, threshold: bound },
    message: `${now.percent.toFixed(1)}% of the answers are wrong for a picture that was misread, ${expected}; ${causeRemedies.grounding}`,
  });
  if (now.low > 100 * threshold)
    return [sign(threshold, `expected at most ${100 * threshold}% (alarms.grounding.threshold)`)];
  if (!before || now.percent - before.percent <= 100 * rise || !isSurelyAbove(now, before)) return [];
  const expected = `${before.percent.toFixed(1)}% at the base, expected a rise of at most ${100 * rise} points`;
  return [sign(before.percent / 100 + rise, `${expected} (alarms.grounding.rise)`)];
}
