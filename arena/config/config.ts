import * as z from "zod";
import { type Device, devices } from "../../autodiff/onnx/device.ts";
import type { AnswerFormat } from "../../common/answer_format.ts";
import type { SamplingPrecision } from "../../policy/options.ts";
import type { Role } from "../../replay/self_play.ts";
import { type AlarmsConfig, alarms } from "./alarms.ts";
import { type AttributionConfig, attribution } from "./attribution.ts";
import { type CertaintyConfig, certainty } from "./certainty.ts";
import { type CoEvolutionConfig, coEvolution } from "./co_evolution.ts";
import { contradictions } from "./contradictions.ts";
import { type CurriculumConfig, curriculum } from "./curriculum.ts";
import { type EngineConfig, engine } from "./engine.ts";
import { DATA_QUESTIONS, type EvaluationConfig, evaluation, SCENE_QUESTIONS } from "./evaluation.ts";
import { type ImagesConfig, images } from "./images.ts";
import { defaultMaxTokens, type OptimizerConfig, optimizer } from "./learning.ts";
import {
  type AdapterSettings,
  adapter,
  type MemoryConfig,
  type ModelSettings,
  memory,
  model,
  sampling,
} from "./policy.ts";
import { type QuestionerConfig, questioner } from "./questioner.ts";
import { type ReasonerConfig, reasoner } from "./reasoner.ts";
import { choice, count, group, optionalCount, optionalText, seed, type Unresolved } from "./setting.ts";
import { hasStage, resolveStages, type StageConfig, type StageSettings, stages } from "./stages.ts";
import { format, type TrialConfig, trial, type WarmUpConfig, warmUp } from "./start.ts";
import { type WatchConfig, watch } from "./watch.ts";

/** Everything that determines a run; two runs of one configuration give the same bits. */
export interface RunConfig {
  readonly seed: number;
  readonly rounds: number;
  readonly stages: readonly StageConfig[];
  readonly model: ModelSettings;
  readonly out: string | null;
  readonly device: Device;
  readonly threads: number;
  readonly replicas: number | null;
  readonly engine: EngineConfig;
  readonly adapter: AdapterSettings;
  readonly memory: MemoryConfig;
  readonly sampling: SamplingPrecision;
  readonly images: ImagesConfig;
  readonly format: AnswerFormat;
  readonly prompts: PromptsConfig;
  readonly trial: TrialConfig;
  readonly warmUp: WarmUpConfig;
  readonly questioner: QuestionerConfig;
  readonly curriculum: CurriculumConfig;
  readonly coEvolution: CoEvolutionConfig;
  readonly reasoner: ReasonerConfig;
  readonly optimizer: OptimizerConfig;
  readonly evaluation: EvaluationConfig;
  readonly attribution: AttributionConfig;
  readonly certainty: CertaintyConfig;
  readonly checkpoint: CheckpointConfig;
  readonly alarms: AlarmsConfig;
  readonly watch: WatchConfig;
}

/** A configuration as it is written, before what depends on the model and on other settings is resolved. */
export interface RunSettings extends Omit<RunConfig, "stages" | "questioner" | "reasoner" | "evaluation"> {
  readonly stages: readonly StageSettings[];
  readonly questioner: Unresolved<QuestionerConfig, "maxTokens">;
  readonly reasoner: Unresolved<ReasonerConfig, "maxTokens">;
  readonly evaluation: Unresolved<EvaluationConfig, "questions">;
}

/** What policies are told; null leaves it to the model's folder, and then to the format. */
interface PromptsConfig {
  readonly questioner: string | null;
  readonly reasoner: string | null;
  readonly describer: string | null;
  readonly reader: string | null;
}

interface CheckpointConfig {
  readonly everySteps: number;
  readonly keep: number;
}

const checkpoint: z.ZodType<CheckpointConfig> = group(
  {
    everySteps: count(25, "steps of any phase between two checkpoints; there is one after each round, too"),
    keep: count(2, "latest checkpoints that are kept beside the best"),
  },
  "what a killed run goes on from",
);

/** The settings of a run, each with its default and its unit; unknown ones are refused. */
export const RunSettingsSchema: z.ZodType<RunSettings> = z
  .strictObject({
    seed: seed(0, "seed of everything that is drawn"),
    rounds: count(3, "rounds of self-play"),
    stages,
    model,
    out: optionalText("folder of the run; null makes a new one under runs/"),
    device: choice(
      devices,
      "cpu",
      "where the models' graphs run: an execution provider of onnxruntime; the bits differ between them",
    ),
    threads: count(2, "CPU threads of each policy; the two take turns for most of a round"),
    replicas: optionalCount(
      "copies of each policy that share out its work; null makes one per thread of a model below 64 MB on the CPU, else one",
    ),
    engine,
    adapter,
    memory,
    sampling,
    images,
    format,
    prompts: group(
      {
        questioner: optionalText(
          "what the Questioner is told; null takes the model folder's or the format's, which `visplay config` prints below",
        ),
        reasoner: optionalText("what the Reasoner is told, with {question}; null as above"),
        describer: optionalText(
          "how it is asked for a description from which the {question} can be answered; null as above",
        ),
        reader: optionalText(
          "how it is asked the {question} about a {description} alone, without the picture; null as above",
        ),
      },
      "prompts",
    ),
    trial,
    warmUp,
    questioner,
    curriculum,
    coEvolution,
    reasoner,
    optimizer,
    evaluation,
    attribution,
    certainty,
    checkpoint,
    alarms,
    watch,
  })
  .superRefine((config, context) => {
    const { evaluation } = config;
    const questions = evaluation.questions ?? usualQuestions(config);
    for (const [path, message] of contradictions({ ...config, questions })) {
      context.addIssue({ code: "custom", path: path.split("."), message });
    }
  });

/** The configuration of a run: its settings, with what depends on other settings and on the model resolved. */
export function runConfig(
  settings: RunSettings,
  ofModel: { readonly [R in Role]?: number | undefined } = {},
): RunConfig {
  const { questioner, reasoner, evaluation } = settings;
  const longest = (role: Role): number => ofModel[role] ?? defaultMaxTokens[role];
  return {
    ...settings,
    stages: resolveStages(settings.stages, reasoner.maxTokens ?? longest("reasoner")),
    questioner: { ...questioner, maxTokens: questioner.maxTokens ?? longest("questioner") },
    reasoner: { ...reasoner, maxTokens: reasoner.maxTokens ?? longest("reasoner") },
    evaluation: {
      ...evaluation,
      questions: evaluation.questions ?? usualQuestions(settings),
    },
  };
}

function usualQuestions({
  evaluation,
  images,
  stages,
}: Pick<RunSettings, "evaluation" | "images" | "stages">): number {
  if (evaluation.data !== null) return DATA_QUESTIONS;
  return images.data === null && hasStage({ stages }, "self_play") ? SCENE_QUESTIONS : 0;
}
