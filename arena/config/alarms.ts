import type * as z from "zod";
import type { AlarmName } from "../../replay/events.ts";
import { count, flag, group, number, optionalText, share } from "./setting.ts";

/** When an alarm is raised: once the mean over so many steps (rounds for silver answers) passes the threshold. */
export interface AlarmConfig {
  readonly threshold: number;
  readonly window: number;
}

/** When an evaluation raises an alarm: below a threshold, or so far below the base's, and in both cases surely. */
export interface FallConfig {
  readonly threshold: number;
  readonly fall: number;
}

/** When an evaluation raises an alarm: above a threshold, or so far above the base's, and in both cases surely. */
export interface RiseConfig {
  readonly threshold: number;
  readonly rise: number;
}

/** Alarms of figures that should not fall. */
export type FallAlarm = "dependence" | "encoder";

/** Alarms that evaluations raise. */
export type EvaluationAlarm = FallAlarm | "grounding";

/** Signs of collapse that a run looks out for; none of them changes what it computes, but `stop` may end it. */
export interface AlarmsConfig
  extends Readonly<Record<Exclude<AlarmName, EvaluationAlarm>, AlarmConfig>>,
    Readonly<Record<FallAlarm, FallConfig>> {
  readonly grounding: RiseConfig;
  readonly stop: boolean;
  readonly audited: string | null;
}

type Bound = "least" | "most";

function alarm(bound: Bound, threshold: number, window: number, text: string, unit = "steps") {
  const off = bound === "least" ? "0 is off" : "1 is off";
  const range = bound === "least" ? "below" : "above";
  return group(
    {
      threshold: number(threshold, `raised ${range} this (share, 0 to 1; ${off})`, 0, 1),
      window: count(window, `${unit} that it is the mean of`),
    },
    text,
  );
}

function riseAlarm(rise: number, text: string) {
  return group(
    {
      threshold: share(1, "raised where it is surely above this (share, 0 to 1; 1 is off)"),
      rise: share(
        rise,
        "raised where it is surely higher than the base's, and by more than this (share, 0 to 1; 1 is off)",
      ),
    },
    text,
  );
}

function fallAlarm(fall: number, text: string) {
  return group(
    {
      threshold: number(0, "raised where it is surely below this (share, 0 to 1; 0 is off)", 0, 1),
      fall: number(
        fall,
        "raised where it is surely lower than the base's, and by more than this (share, 0 to 1; 1 is off)",
        0,
        1,
      ),
    },
    text,
  );
}

export const alarms: z.ZodType<AlarmsConfig> = group(
  {
    stop: flag(false, "an alarm ends the run"),
    audited: optionalText(
      "JSONL or YAML file of {image, question, answer}, or data as images.data takes it, true answers that silver ones are held against",
    ),
    answerEntropy: alarm(
      "least",
      0.2,
      5,
      "entropy of the answers, over the log of the most different answers seen in a step of the phase",
    ),
    constantAnswer: alarm("most", 0.9, 5, "prompts that have the same majority answer"),
    parseFailures: alarm("most", 0.5, 5, "answers that do not parse"),
    abstentions: alarm("most", 0.7, 5, "answers that abstain"),
    malformedQuestions: alarm("most", 0.5, 5, "questions that do not parse"),
    clusterShare: alarm("most", 0.8, 5, "an image's questions in their largest cluster of near duplicates"),
    templateShare: alarm("most", 0.9, 5, "questions that begin with the same three words"),
    cutAnswers: alarm("most", 0.1, 2, "answers that were cut off at reasoner.maxTokens"),
    cutQuestions: alarm("most", 0.1, 2, "questions that were cut off at questioner.maxTokens"),
    lengthGrowth: group(
      {
        threshold: number(2.5, "raised above this factor on the phase's first steps", 1),
        window: count(5, "steps at the beginning, and at the end, that are compared"),
      },
      "tokens of the completions of the policy that learns",
    ),
    silverAccuracy: alarm(
      "least",
      0.5,
      1,
      "silver answers that are true, where the truth is known",
      "rounds",
    ),
    dependence: fallAlarm(
      0.05,
      "accuracy with the picture less that without it, of evaluations (evaluation.dependence)",
    ),
    grounding: riseAlarm(
      0.05,
      "answers of evaluations that are wrong for a picture that was misread (attribution.evaluation)",
    ),
    encoder: fallAlarm(0.02, "what can be read in what the image encoder gives (evaluation.encoder)"),
  },
  "alarms of collapse; they change no result, but may end the run",
);
