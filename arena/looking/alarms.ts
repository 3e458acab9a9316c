import type { Alarm, Estimate, EvaluationReport } from "../../replay/events.ts";
import type { AlarmsConfig, FallAlarm } from "../config/alarms.ts";
import { isSurelyAbove } from "../statistics.ts";

/** What an evaluation shows of a policy that stops looking. */
export type LookingSign = Pick<Alarm, "name" | "value" | "threshold" | "message">;

/** The signs in an evaluation, held against what the base's came to, where that is known. */
export function lookingSigns(
  { looking }: EvaluationReport,
  base: EvaluationReport["looking"] | null,
  config: Pick<AlarmsConfig, FallAlarm>,
): LookingSign[] {
  return [...dependenceSign(looking.dependence, base?.dependence, config), ...encoderSign(looking, config)];
}

const points = (estimate: Estimate) => `${estimate.percent.toFixed(1)} points`;

function* dependenceSign(
  now: Estimate | undefined,
  base: Estimate | undefined,
  { dependence: { threshold, fall } }: Pick<AlarmsConfig, "dependence">,
): Generator<LookingSign> {
  if (!now) return;
  const sign = (bound: number, message: string): LookingSign => ({
    ...{ name: "dependence", value: now.percent / 100, threshold: bound },
    message: `the picture makes the answers right in ${points(now)} more of the questions${message}; ${remedy}`,
  });
  if (now.high < 100 * threshold)
    yield sign(threshold, `, expected at least ${100 * threshold} (alarms.dependence.threshold)`);
  else if (base && hasFallen(base, now, 100 * fall)) {
    const expected = `${points(base)} at the base, expected a fall of at most ${100 * fall}`;
    yield sign(base.percent / 100 - fall, `, ${expected} (alarms.dependence.fall)`);
  }
}

const remedy =
  "the policy learns to do without it: raise questioner.reward.evidenceWeight or curriculum.gate.minEvidence, lower questioner.reward.maxBlindAgreement, or raise reasoner.beta";

function* encoderSign(
  { encoder, encoderBase, encoderFall }: EvaluationReport["looking"],
  { encoder: { threshold, fall } }: Pick<AlarmsConfig, "encoder">,
): Generator<LookingSign> {
  if (!encoder || !encoderBase || !encoderFall) return;
  const found = `what the image encoder gives can be read in ${encoder.percent.toFixed(1)}%`;
  const sign = (bound: number, expected: string): LookingSign => ({
    ...{ name: "encoder", value: encoder.percent / 100, threshold: bound },
    message: `${found}${expected}; ${encoderRemedy}`,
  });
  if (encoder.high < 100 * threshold)
    yield sign(threshold, `, expected at least ${100 * threshold}% (alarms.encoder.threshold)`);
  else if (encoderFall.low > 0 && encoderFall.percent > 100 * fall) {
    const expected = `, ${encoderBase.percent.toFixed(1)}% at the base, expected a fall of at most ${100 * fall} points`;
    yield sign(encoderBase.percent / 100 - fall, `${expected} (alarms.encoder.fall)`);
  }
}

const encoderRemedy =
  "learning spoils what the model sees: lower optimizer.visionLearningRateFactor and optimizer.connectorLearningRateFactor; 0 freezes them";

/** Whether a figure is lower by more than so much, and surely. */
function hasFallen(base: Estimate, now: Estimate, least: number): boolean {
  return base.percent - now.percent > least && isSurelyAbove(base, now);
}
