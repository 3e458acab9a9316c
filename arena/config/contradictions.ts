import type { SamplingPrecision } from "../../policy/options.ts";
import type { AttributionConfig, CheckerConfig } from "./attribution.ts";
import type { CurriculumConfig } from "./curriculum.ts";
import type { EngineConfig } from "./engine.ts";
import type { EvaluationConfig } from "./evaluation.ts";
import type { ImagesConfig } from "./images.ts";
import type { AdapterSettings } from "./policy.ts";
import type { QuestionerConfig } from "./questioner.ts";
import type { ReasonerConfig } from "./reasoner.ts";
import type { StageSettings } from "./stages.ts";

/** The settings that others bound. */
interface Bounded {
  readonly engine: EngineConfig;
  readonly adapter: Pick<AdapterSettings, "rank">;
  readonly attribution: Pick<AttributionConfig, "checker">;
  readonly curriculum: CurriculumConfig;
  readonly questioner: Pick<QuestionerConfig, "reward" | "blindAnswersPerQuestion" | "temperature">;
  readonly images: ImagesConfig;
  readonly prompts: { readonly reasoner: string | null; readonly reader: string | null };
  readonly reasoner: Pick<ReasonerConfig, "reward" | "labels" | "temperature">;
  readonly sampling: Pick<SamplingPrecision, "precision">;
  readonly replicas: number | null;
  readonly stages: readonly StageSettings[];
  readonly evaluation: Pick<EvaluationConfig, "data" | "dependence" | "hallucination">;
  /** Those of an evaluation. */
  readonly questions: number;
}

/** Settings that are fine alone and impossible together, as [path, message]. */
export function* contradictions({
  engine,
  adapter,
  attribution,
  curriculum,
  questioner,
  images,
  prompts,
  reasoner,
  sampling,
  replicas,
  stages,
  evaluation,
  questions,
}: Bounded): Generator<[string, string]> {
  if (sampling.precision === "int8" && (replicas ?? 1) > 1) {
    const message = "expected replicas to be 1 or null, for a policy is measured as one; found";
    yield ["sampling.precision", `${message} ${replicas}`];
  }
  const { answersPerQuestion, views, gate } = curriculum;
  if (gate.minVotes > answersPerQuestion) {
    yield [
      "curriculum.gate.minVotes",
      `expected at most curriculum.answersPerQuestion (${answersPerQuestion}), for there are no more votes`,
    ];
  }
  if (answersPerQuestion % views !== 0) {
    yield [
      "curriculum.views",
      `expected a divisor of curriculum.answersPerQuestion (${answersPerQuestion}), for every view has as many votes`,
    ];
  }
  if (gate.minEvidence > 0 && gate.blindAnswersPerQuestion === 0) {
    const message =
      "expected curriculum.gate.blindAnswersPerQuestion above 0, against which evidence is measured";
    yield ["curriculum.gate.minEvidence", message];
  }
  const { evidenceWeight, form } = questioner.reward;
  if (evidenceWeight > 0 && questioner.blindAnswersPerQuestion === 0) {
    const message = "expected questioner.blindAnswersPerQuestion above 0, against which evidence is measured";
    yield ["questioner.reward.evidenceWeight", message];
  }
  if (evidenceWeight > 0 && form !== "visplay") {
    yield [
      "questioner.reward.evidenceWeight",
      `expected 0 for the form ${form}, which is a control and pays no bonus`,
    ];
  }
  if (prompts.reasoner !== null && !prompts.reasoner.includes("{question}")) {
    yield ["prompts.reasoner", "expected {question} where the question belongs"];
  }
  for (const place of ["question", "description"])
    if (prompts.reader !== null && !prompts.reader.includes(`{${place}}`))
      yield ["prompts.reader", `expected {${place}} where the ${place} belongs`];
  const missing = missingIn(attribution.checker);
  if (missing !== null) yield missing;
  const { low, high } = curriculum.band;
  if (low > high) {
    yield [
      "curriculum.band.low",
      `expected at most curriculum.band.high (${high}), for nothing lies between`,
    ];
  }
  const { agreement, format, brevity, certainty } = reasoner.reward;
  if (agreement + format + brevity + certainty === 0) {
    yield ["reasoner.reward", "expected a weight above 0, for all rewards would be equal; raise agreement"];
  }
  if (reasoner.labels === "true" && images.data !== null) {
    const message = 'expected "silver" where images.data is set, for only scenes know the truth';
    yield ["reasoner.labels", message];
  }
  if (evaluation.dependence.region !== null && evaluation.data === null) {
    const message = "expected evaluation.data, whose column it names; scenes know what decides an answer";
    yield ["evaluation.dependence.region", message];
  }
  const { data, hallucination } = evaluation;
  if (hallucination.things !== null && data === null) {
    const message = "expected evaluation.data, whose column it names; of scenes it is known what they show";
    yield ["evaluation.hallucination.things", message];
  }
  if ((hallucination.pictures ?? 0) > 0 && data !== null && hallucination.things === null) {
    const message =
      "expected evaluation.hallucination.things, a column of lists of what is there, for nothing else says";
    yield ["evaluation.hallucination.pictures", message];
  }
  if (engine.kind === "tinker")
    yield* engineContradictions(engine, { adapter, questioner, reasoner, stages });
  for (const [index, { requires }] of stages.entries()) {
    if (questions > 0 || Object.keys(requires).length === 0) continue;
    const message =
      "expected an evaluation, for nothing else says what the stage came to; set evaluation.data";
    yield [`stages.${index}.requires`, message];
  }
}

/** What each checker that has to be named is made of, by the setting that names it. */
const checkerSources = {
  detector: ["detect", "a model that finds objects: a folder, or owner/name on the hub"],
  ocr: ["ocr", "a language, such as eng"],
  policy: ["policy", "another model: a folder, or owner/name on the hub"],
} as const;

function missingIn(checker: CheckerConfig): [string, string] | null {
  const { kind } = checker;
  if (kind !== "detector" && kind !== "ocr" && kind !== "policy") return null;
  const [setting, what] = checkerSources[kind];
  if (checker[setting] !== null) return null;
  return [`attribution.checker.${setting}`, `expected ${what}, for attribution.checker.kind is ${kind}`];
}

/** What an engine cannot be asked for. */
function* engineContradictions(
  engine: EngineConfig,
  settings: Pick<Bounded, "adapter" | "questioner" | "reasoner" | "stages">,
): Generator<[string, string]> {
  for (const role of ["questioner", "reasoner"] as const) {
    if ((engine[role].url ?? engine.url) === null)
      yield [`engine.${role}.url`, "expected the address of a Tinker-API server, or one in engine.url"];
    if (settings[role].temperature !== 1)
      yield [`${role}.temperature`, "expected 1 where engine.kind is tinker, which scores at no other"];
  }
  if (settings.adapter.rank === 0)
    yield ["adapter.rank", "expected 1 or more where engine.kind is tinker, which trains adapters alone"];
  for (const [index, stage] of settings.stages.entries())
    if ("temperature" in stage && stage.temperature !== 1)
      yield [
        `stages.${index}.temperature`,
        "expected 1 where engine.kind is tinker, which scores at no other",
      ];
}
