import type { RunConfig } from "../arena/config/config.ts";
import { type EngineReport, optimizerParameters } from "../policy/remote/check.ts";
import { count } from "./format.ts";

/** What was found out of a server, and what that means. */
export interface Finding {
  readonly what: string;
  readonly found: string;
  /** Why a run of the settings will not work with it; null where it will. */
  readonly refusal: string | null;
}

/** Above this mean difference of sampled and scored log-probabilities, something is lost between the two. */
const largestGap = 0.05;

/** What a report means to a run. `sharesServer` is whether two policies are on it. */
export function findingsOf(report: EngineReport, config: RunConfig, sharesServer: boolean): Finding[] {
  const { imagesLost, gap, isIdempotent, holdsTwoAdapters, reduction, resumes } = report;
  const { weightDecay } = config.optimizer;
  const betas = [config.questioner.beta, config.reasoner.beta, ...config.stages.map(betaOf)];
  const needsAnother = betas.some((beta) => beta > 0)
    ? "a KL to the base needs a second adapter: set beta of all that learns to 0"
    : sharesServer
      ? "two policies need two: name a server for each in engine.questioner.url and engine.reasoner.url"
      : null;
  const ignored = optimizerParameters.filter((name) => !report.applies[name]);
  return [
    {
      what: "images reach the model",
      found: imagesLost ?? "in sampling and in training",
      refusal: imagesLost && "the engine drops images: take one that trains on them",
    },
    {
      what: "sampled and scored alike",
      found: `${gap.toFixed(4)} apart per token`,
      refusal:
        gap < largestGap
          ? null
          : `expected less than ${largestGap}: images, or weights, are lost between the two`,
    },
    {
      what: "a request that comes twice is done once",
      found: isIdempotent ? "yes" : "no",
      refusal: isIdempotent ? null : "a step whose answer is lost could be taken twice; take a newer engine",
    },
    {
      what: "adapters at once",
      found: holdsTwoAdapters ? "two or more" : "one",
      refusal: holdsTwoAdapters ? null : needsAnother,
    },
    {
      what: "losses",
      found: reduction === null ? "unknown, taken for sums" : `a ${reduction} over tokens`,
      refusal: null,
    },
    {
      what: "optimiser",
      found:
        ignored.length === 0
          ? "AdamW as set"
          : `applies no ${ignored.join(", ")} of its own accord: has its own`,
      refusal:
        weightDecay > 0 && ignored.includes("weightDecay")
          ? `weight decay is ignored: set optimizer.weightDecay to 0 (found ${weightDecay})`
          : null,
    },
    {
      what: "resume",
      found: resumes ? "weights and optimiser come back" : "no",
      refusal: resumes ? null : "a run could not be gone on with; give the engine a place for checkpoints",
    },
    {
      what: "requests",
      found: `${report.isProtobuf ? "protobuf" : "JSON"}, ${count(Math.round(report.latencyMs))} ms each, ${count(Math.round(report.tokensPerSecond))} tokens/s one at a time`,
      refusal: null,
    },
  ];
}

function betaOf(stage: RunConfig["stages"][number]): number {
  return "beta" in stage ? stage.beta : 0;
}
