import type { EvaluationReport, EventBody, PolicyVersions, SuiteBefore } from "../replay/events.ts";
import type { Figure } from "../replay/scores.ts";
import type { Role } from "../replay/self_play.ts";
import { type SampledQuestion, withSampled } from "./co_evolution_sample.ts";
import type { RunConfig } from "./config/config.ts";
import { type CurriculumState, emptyCurriculum, withEpisode } from "./curriculum.ts";
import { type GateSums, gateCounts, noGateSums, withImage } from "./gate_audit.ts";
import { warmUpStepsAfter } from "./readability.ts";
import type { SafetyProgress } from "./safety.ts";
import type { Truth } from "./truth.ts";
import type { Widening } from "./widening.ts";

/** How far a run has come beside its position, as a value. */
export interface Progress {
  /** Optimiser steps that each policy of the stage has taken, by role. */
  readonly versions: PolicyVersions;
  /** Those that were taken in the stages before. */
  readonly updatesBefore: PolicyVersions;
  /** Steps of the warm-up, as its configuration or its trial has it. */
  readonly warmUpSteps: number;
  /** Of the current round; its items stand in the replay. */
  readonly curriculum: CurriculumState;
  /** Of its questions those that the base is to answer. */
  readonly sample: readonly SampledQuestion[];
  /** What the gate let pass in the round's Questioner phase, where the truth is known. */
  readonly gate: GateSums;
  /** Rounds in a row, up to now, whose curriculum was empty. */
  readonly emptyRounds: number;
  /** What the last evaluation came to, percent; null before the first. */
  readonly scores: Readonly<Record<Figure, number>> | null;
  /** Of the stage's policy in its environment's suite; null before the first look. */
  readonly safety: SafetyProgress | null;
  /** What the stage before made, in its own environment's suite; null where nobody looked. */
  readonly suiteBefore: SuiteBefore | null;
  /** Which of the stage's tasks are open; null as long as those are that it begins with. */
  readonly widening: Widening | null;
}

/** What it is after an event; nothing else changes it. The truth audits the curriculum. */
export function follow(
  progress: Progress,
  event: EventBody,
  { config, truth }: { readonly config: RunConfig; readonly truth: Truth | null },
): Progress {
  switch (event.type) {
    case "formatsTried":
      return { ...progress, warmUpSteps: warmUpStepsAfter(event.formats, config) };
    case "warmUpStep":
      return withVersions(progress, {
        questioner: event.updates.questioner?.version,
        reasoner: event.updates.reasoner?.version,
      });
    case "questionerStep":
      return withVersions(progress, { questioner: event.update?.version });
    case "reasonerStep":
      return withVersions(progress, { reasoner: event.imitated?.version ?? event.update?.version });
    case "supervisedStep":
      return withVersions(progress, { reasoner: event.update?.version });
    case "safetyChecked": {
      const { looked, returnedTo, safe, best, policyVersion } = event;
      const safety = { looked, current: returnedTo ?? looked, safe, best };
      return { ...withVersions(progress, { reasoner: policyVersion }), safety };
    }
    case "tasksWidened": {
      const { share, from, step } = event;
      return { ...progress, widening: { share, before: from, step } };
    }
    case "phaseStarted":
      if (event.phase === "questioner") return { ...progress, gate: noGateSums };
      if (event.phase === "curriculum") return { ...progress, curriculum: emptyCurriculum, sample: [] };
      return event.phase === "reasoner" ? { ...progress, emptyRounds: 0 } : progress;
    case "curriculumEpisode":
      return {
        ...progress,
        curriculum: withEpisode(progress.curriculum, event, truth),
        sample: withSampled(progress.sample, event, config),
      };
    case "questionerEpisode": {
      if (truth === null) return progress;
      const counts = gateCounts(event, config.questioner.reward.form, truth);
      return { ...progress, gate: withImage(progress.gate, counts) };
    }
    case "curriculumEmpty":
      return { ...progress, emptyRounds: event.consecutive };
    case "evaluated":
      return { ...progress, scores: percentagesOf(event.report) };
    default:
      return progress;
  }
}

function withVersions(
  progress: Progress,
  { questioner, reasoner }: { readonly [role in Role]?: number | undefined },
): Progress {
  const versions = {
    ...progress.versions,
    ...(questioner !== undefined && { questioner }),
    ...(reasoner !== undefined && { reasoner }),
  };
  return { ...progress, versions };
}

function percentagesOf({ overall: { questions: _, ...scores } }: EvaluationReport): Record<Figure, number> {
  const entries = Object.entries(scores).map(([figure, { percent }]) => [figure, percent]);
  return Object.fromEntries(entries) as Record<Figure, number>;
}
