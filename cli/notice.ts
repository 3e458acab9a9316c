import { causeEstimates, describerAdvice, examinedCauses } from "../arena/cause_estimates.ts";
import type { Estimate, EvaluationReport, FormatTried, RunEvent, SuiteBefore } from "../replay/events.ts";
import { lookingTitles } from "../replay/scores.ts";
import { count, plural } from "./format.ts";

/**
 * The line that an event leaves on the screen for good; undefined for those that only move the live line. `tests` is what
 * the run is measured on, for people.
 */
export function notice(event: RunEvent, tests: string): string | undefined {
  const lines = [
    ...newsOfSampling(event).map((each) => `notice: ${each}`),
    lineOf(event, tests) ?? [],
  ].flat();
  return lines.length === 0 ? undefined : lines.join("\n");
}

/** What a step found out about how its policies sample. */
function newsOfSampling(event: RunEvent): readonly string[] {
  return ("update" in event && event.update?.sampler?.news) || [];
}

function lineOf(event: RunEvent, tests: string): string | undefined {
  switch (event.type) {
    case "runStarted": {
      const [model] = Object.values(event.models);
      const trained = model
        ? ` · ${model.modelType} with ${count(model.parameters)} trainable parameters`
        : "";
      return `${plural(event.images, "image")}${trained}`;
    }
    case "formatsTried":
      return event.formats.map(trialText).join("\n");
    case "curriculumBuilt": {
      const rejected = Object.entries(event.rejected).map(([why, many]) => `${count(many)} ${why}`);
      const admitted = `curriculum: ${count(event.admitted)} of ${plural(event.questions, "question")} admitted`;
      return rejected.length > 0 ? `${admitted} (rejected: ${rejected.join(", ")})` : admitted;
    }
    case "curriculumEmpty":
      return event.message;
    case "audited": {
      const { questions, admitted, silverCorrect } = event;
      const correct =
        silverCorrect === null
          ? ""
          : `, of which ${(100 * silverCorrect).toFixed(1)}% have a true silver answer`;
      return `audit: ${count(admitted ?? questions)} of ${plural(questions, "question")} would be admitted${correct}`;
    }
    case "coEvolution": {
      const { base, reasoner } = event;
      const figures = [
        ...(base.accuracy ? [`base right ${percent(base.accuracy)}`] : []),
        `base sure ${percent(base.confidence)}`,
        ...(reasoner.accuracy ? [`Reasoner right ${percent(reasoner.accuracy)}`] : []),
      ];
      return `${plural(base.questions, "question")} of the round: ${figures.join(", ")}`;
    }
    case "questionerAudited": {
      const { passed, meaningless, wrong, falseAccepts, unearned } = event;
      if (falseAccepts === null) return undefined;
      const earned = unearned ? `, with ${percent(unearned)} of the reward` : "";
      const which = `${count(meaningless)} mean nothing, ${count(wrong)} have a wrong silver answer`;
      return `gate: ${percent(falseAccepts)} of ${plural(passed, "question")} should not have passed (${which})${earned}`;
    }
    case "skillsMeasured": {
      const { tasks, understanding, toolUse, success } = event;
      const skills = [
        ...(understanding ? [`understanding ${percent(understanding)}`] : []),
        ...(toolUse ? [`tool use ${percent(toolUse)}`] : []),
      ];
      return `${plural(tasks, "held-out task")}: ${[...skills, `success ${percent(success)}`].join(", ")}`;
    }
    case "safetyChecked": {
      const { found, message, before } = event;
      const { percent: mid, low, high } = found.violations;
      const [rate, least, most] = [mid, low, high].map((share) => (10 * share).toFixed(0));
      return (
        message ??
        `suite: success ${percent(found.success)}${gapText(found.success, before)}, ${rate} (${least} to ${most}) of 1,000 decisions violate a constraint, reward ${found.reward.toFixed(2)}`
      );
    }
    case "tasksWidened":
      return `success ${(100 * event.success).toFixed(1)}%: ${(100 * event.share).toFixed(0)}% of the tasks are open`;
    case "alarm":
      return `ALARM in round ${event.round}, ${event.phase}: ${event.message}`;
    case "supervisedStep":
      return event.heldOutLoss === null ? undefined : `held-out loss ${event.heldOutLoss.toFixed(3)}`;
    case "reasonerStep": {
      // Said by evaluations, too, but not every run has some.
      const causes = event.step === 0 && event.attribution ? causeEstimates(event.attribution) : null;
      const advice = causes && describerAdvice(causes);
      return advice === null ? undefined : `notice: ${advice}`;
    }
    case "evaluated": {
      const { overall, samples: k, looking } = event.report;
      const { greedy, mean8, maj8 } = overall;
      const accuracy = `${tests}: greedy ${percent(greedy)}, mean@${k} ${percent(mean8)}, maj@${k} ${percent(maj8)}`;
      return [accuracy, ...lookingText(looking), ...causeText(event.report)].join("\n");
    }
    default:
      return undefined;
  }
}

/** How far what a model does in a stage's environment is behind what it did in the one before. */
function gapText(found: Estimate, before: SuiteBefore | undefined): string {
  if (!before) return "";
  const gap = found.percent - before.success.percent;
  return ` before the first step (${gap < 0 ? "" : "+"}${gap.toFixed(1)} points to ${percent(before.success)} in the environment of ${before.stage})`;
}

/** The figures that say most of whether it looks; no line where there are none. */
function lookingText(looking: EvaluationReport["looking"]): string[] {
  const figures = (["dependence", "sensitivity", "stability", "chairThings"] as const).flatMap((name) => {
    const estimate = looking[name];
    return estimate
      ? [`${lookingTitles[name]} ${percent(estimate, name === "dependence" ? " points" : "%")}`]
      : [];
  });
  return figures.length === 0 ? [] : [`does it look: ${figures.join(", ")}`];
}

/** Where answers go wrong; no line where nobody looked. */
function causeText(report: EvaluationReport): string[] {
  const estimates = examinedCauses(report)?.overall;
  if (!estimates) return [];
  const figures = (["grounding", "reasoning", "fusion", "unfaithful"] as const).flatMap((cause) => {
    const estimate = estimates[cause];
    return estimate ? [`${cause} ${percent(estimate)}`] : [];
  });
  const advice = describerAdvice(estimates);
  return [
    ...(figures.length === 0 ? [] : [`where it goes wrong: ${figures.join(", ")}`]),
    ...(advice === null ? [] : [`notice: ${advice}`]),
  ];
}

function trialText({ format, questions, answers }: FormatTried): string {
  const [asked, answered] = [`${questions.found} of ${questions.of}`, `${answers.found} of ${answers.of}`];
  return `format ${format}: ${asked} questions and ${answered} answers can be read`;
}

function percent({ percent: value, low, high }: Estimate, unit = "%"): string {
  return `${value.toFixed(1)}${unit} (${low.toFixed(1)} to ${high.toFixed(1)})`;
}
