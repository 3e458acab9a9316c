import * as z from "zod";
import { type Device, devices } from "../../autodiff/onnx/device.ts";
import type { AnswerFormat } from "../../common/answer_format.ts";
import { type AlarmsConfig, alarms } from "./alarm_config.ts";
import {
  type CompletionLengths,
  defaultMaxTokens,
  type GrpoConfig,
  groupSize,
  grpo,
  type OptimizerConfig,
  optimizer,
  type SamplingConfig,
  sampling,
} from "./learning_config.ts";
import {
  type AdapterConfig,
  adapter,
  type MemoryConfig,
  type ModelSettings,
  memory,
  model,
} from "./policy_config.ts";
import {
  choice,
  count,
  flag,
  group,
  number,
  optionalCount,
  optionalText,
  seed,
  share,
  type Unresolved,
} from "./setting.ts";
import { format, type TrialConfig, trial, type WarmUpConfig, warmUp } from "./start_config.ts";
import { type WatchConfig, watch } from "./watch_config.ts";

/** Everything that determines a run; two runs of one configuration give the same bits. */
export interface RunConfig {
  readonly seed: number;
  readonly rounds: number;
  readonly model: ModelSettings;
  readonly out: string | null;
  readonly device: Device;
  readonly threads: number;
  readonly replicas: number | null;
  readonly adapter: AdapterConfig;
  readonly memory: MemoryConfig;
  readonly images: ImagesConfig;
  readonly format: AnswerFormat;
  readonly prompts: { readonly questioner: string | null; readonly reasoner: string | null };
  readonly trial: TrialConfig;
  readonly warmUp: WarmUpConfig;
  readonly questioner: QuestionerConfig;
  readonly curriculum: CurriculumConfig;
  readonly reasoner: ReasonerConfig;
  readonly optimizer: OptimizerConfig;
  readonly evaluation: EvaluationConfig;
  readonly checkpoint: CheckpointConfig;
  readonly alarms: AlarmsConfig;
  readonly watch: WatchConfig;
}

/** A configuration as it is written, before what depends on the model and on other settings is resolved. */
export interface RunSettings extends Omit<RunConfig, "questioner" | "reasoner" | "evaluation"> {
  readonly questioner: Unresolved<QuestionerConfig, "maxTokens">;
  readonly reasoner: Unresolved<ReasonerConfig, "maxTokens">;
  readonly evaluation: Unresolved<EvaluationConfig, "questions">;
}

export interface CheckpointConfig {
  readonly everySteps: number;
  readonly keep: number;
}

export interface ImagesConfig {
  readonly folder: string | null;
  readonly maxPixels: number;
  readonly followLinks: boolean;
  readonly scenes: { readonly domain: SceneDomain; readonly count: number; readonly seed: number };
}

export type SceneDomain = "source" | "target";

export interface QuestionerConfig extends SamplingConfig, GrpoConfig {
  readonly train: boolean;
  readonly stepsPerRound: number;
  readonly imagesPerStep: number;
  readonly groupSize: number;
  readonly answersPerQuestion: number;
  readonly answerTemperature: number;
  readonly blindAnswersPerQuestion: number;
  readonly reward: {
    readonly form: "visplay" | "visplay_code" | "format_only";
    readonly diversityWeight: number;
    readonly minParsedShare: number;
    readonly maxAbstentionShare: number;
    readonly maxBlindAgreement: number;
    readonly minSupport: number;
  };
}

export interface CurriculumConfig {
  readonly images: number;
  readonly imagesPerChunk: number;
  readonly questionsPerImage: number;
  readonly answersPerQuestion: number;
  readonly views: number;
  readonly temperature: number;
  readonly band: { readonly low: number; readonly high: number };
  readonly keepUnanswerable: boolean;
  readonly dropDuplicates: boolean;
  readonly gate: {
    readonly minParsedShare: number;
    readonly minVotes: number;
    readonly maxAbstentionShare: number;
    readonly blindAnswersPerQuestion: number;
    readonly maxBlindAgreement: number;
  };
}

export interface ReasonerConfig extends SamplingConfig, GrpoConfig {
  readonly stepsPerRound: number;
  readonly itemsPerStep: number;
  readonly itemsPerChunk: number;
  readonly maxPasses: number;
  readonly views: number;
  readonly groupSize: number;
  readonly learningRateDecayPerRound: number;
  readonly reward: { readonly agreement: number; readonly format: number; readonly brevity: number };
  readonly labels: "silver" | "true";
}

export interface EvaluationConfig {
  readonly everyRound: boolean;
  readonly domain: SceneDomain;
  readonly questions: number;
  readonly scenes: number;
  readonly questionsPerChunk: number;
  readonly samples: number;
  readonly seed: number;
}

const questioner: z.ZodType<RunSettings["questioner"]> = group(
  {
    train: flag(true, "false leaves the Questioner untrained (a control)"),
    stepsPerRound: count(12, "optimiser steps per round"),
    imagesPerStep: count(16, "images per step"),
    groupSize: groupSize(),
    answersPerQuestion: count(8, "m, answers of the Reasoner per question"),
    answerTemperature: number(1, "sampling temperature of those answers", 1e-3),
    blindAnswersPerQuestion: count(2, "answers per question with the image blanked; 0 skips that check", 0),
    ...sampling("questioner"),
    ...grpo({ learningRate: 2e-5, learningRateEnd: 1, beta: 0.1, positiveWeight: 0 }),
    reward: group(
      {
        form: choice(
          ["visplay", "visplay_code", "format_only"],
          "visplay",
          "the paper's reward, its public code's, or a control that rewards only questions that parse",
        ),
        diversityWeight: number(1, "lambda, weight of the share of near duplicates within the image"),
        minParsedShare: share(0.5, "parsed answers below which a question is gated out"),
        maxAbstentionShare: share(0.25, "abstentions among them above which it is gated out"),
        maxBlindAgreement: share(0.5, "blind answers that agree on the majority above which it is gated out"),
        minSupport: count(0, "votes for the asker's own answer below which it is gated out; 0 skips", 0),
      },
      "the Questioner's reward and its gate",
    ),
  },
  "the Questioner phase",
);

const curriculum = group(
  {
    images: count(1200, "images of the pool that are asked about per round"),
    imagesPerChunk: count(32, "images asked about at once"),
    questionsPerImage: count(3, "questions per image"),
    answersPerQuestion: count(8, "votes per question"),
    views: count(
      4,
      "views of an image that a question's votes are shared out among, by other light and noise; 1 shows images as they are",
    ),
    temperature: number(0.6, "sampling temperature of the votes", 1e-3),
    band: group(
      {
        low: share(0.7, "least confidence that is admitted"),
        high: share(1, "greatest confidence that is admitted"),
      },
      "which confidences enter the curriculum",
    ),
    keepUnanswerable: flag(true, 'admit questions whose silver answer is "unanswerable"'),
    dropDuplicates: flag(true, "admit a question only once per image in the whole run"),
    gate: group(
      {
        minParsedShare: share(0.5, "parsed answers below which a question is rejected"),
        minVotes: count(2, "parsed answers below which it is rejected"),
        maxAbstentionShare: share(
          0.25,
          "abstentions among them above which it is rejected, unless abstaining is what most do",
        ),
        blindAnswersPerQuestion: count(
          0,
          "answers per question with the image blanked; 0 skips that check",
          0,
        ),
        maxBlindAgreement: share(0.5, "blind answers that agree on the majority above which it is rejected"),
      },
      "what a question must pass before its confidence counts",
    ),
  },
  "the curriculum: what the Reasoner learns from",
);

const reasoner: z.ZodType<RunSettings["reasoner"]> = group(
  {
    stepsPerRound: count(200, "optimiser steps per round"),
    itemsPerStep: count(32, "curriculum items per step"),
    itemsPerChunk: count(16, "items sampled at once while the previous chunk is scored"),
    maxPasses: number(8, "passes over one curriculum at most; a small one takes fewer steps", 1e-3),
    views: count(
      8,
      "views of an image that items about it are shown in, by other light and noise; 1 shows images as they are",
    ),
    groupSize: groupSize(),
    ...sampling("reasoner"),
    ...grpo({ learningRate: 2e-4, learningRateEnd: 0, beta: 0.02, positiveWeight: 0.7 }),
    learningRateDecayPerRound: share(0.8, "factor on the learning rate after each round"),
    reward: group(
      {
        agreement: number(0.9, "weight of agreement with the silver answer"),
        format: number(0.1, "weight of a well-formed answer"),
        brevity: number(0, "weight of brevity relative to the group"),
      },
      "weights of the parts of the Reasoner's reward",
    ),
    labels: choice(
      ["silver", "true"],
      "silver",
      "majority votes, or the truth (a ceiling for comparison; scenes only)",
    ),
  },
  "the Reasoner phase",
);

/** Questions of an evaluation where nobody says how many. */
const SCENE_QUESTIONS = 700;

const evaluation = group(
  {
    everyRound: flag(true, "evaluate after each round; false evaluates only the base and the last"),
    domain: choice(["source", "target"], "target", "domain of the held-out scenes"),
    questions: optionalCount(
      `questions, balanced over families and answers; 0 skips evaluation; null is ${SCENE_QUESTIONS}, or 0 where images.folder is set, for the questions are about coloured scenes`,
      0,
    ),
    scenes: count(240, "held-out scenes that they are about"),
    questionsPerChunk: count(105, "questions put to the Reasoner at once"),
    samples: count(8, "answers per question for mean@k, maj@k and pass@k"),
    seed: seed(20_251, "seed of the held-out scenes and their questions"),
  },
  "evaluation on held-out labelled scenes",
);

const checkpoint = group(
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
    adapter,
    memory,
    images: group(
      {
        folder: optionalText("folder of images, searched with its sub-folders; null draws scenes"),
        maxPixels: count(
          128_000_000,
          "width times height above which an image is refused before it is decoded",
        ),
        followLinks: flag(false, "links that lead out of the folder are followed, too"),
        scenes: group(
          {
            domain: choice(["source", "target"], "target", "domain of the drawn scenes"),
            count: count(2000, "scenes in the pool"),
            seed: seed(1, "seed of the scenes"),
          },
          "procedural scenes, used where there is no folder",
        ),
      },
      "where unlabelled images come from",
    ),
    format,
    prompts: group(
      {
        questioner: optionalText(
          "what the Questioner is told; null takes the model folder's or the format's, which `visplay config` prints below",
        ),
        reasoner: optionalText("what the Reasoner is told, with {question}; null as above"),
      },
      "prompts",
    ),
    trial,
    warmUp,
    questioner,
    curriculum,
    reasoner,
    optimizer,
    evaluation,
    checkpoint,
    alarms,
    watch,
  })
  .superRefine((config, context) => {
    for (const [path, message] of contradictions(config)) {
      context.addIssue({ code: "custom", path: path.split("."), message });
    }
  });

/** The configuration of a run: its settings, with what depends on other settings and on the model resolved. */
export function runConfig(
  settings: RunSettings,
  ofModel: { readonly [Role in keyof CompletionLengths]?: number | undefined } = {},
): RunConfig {
  const { images, questioner, reasoner, evaluation } = settings;
  const longest = (role: keyof CompletionLengths): number => ofModel[role] ?? defaultMaxTokens[role];
  return {
    ...settings,
    questioner: { ...questioner, maxTokens: questioner.maxTokens ?? longest("questioner") },
    reasoner: { ...reasoner, maxTokens: reasoner.maxTokens ?? longest("reasoner") },
    evaluation: {
      ...evaluation,
      questions: evaluation.questions ?? (images.folder === null ? SCENE_QUESTIONS : 0),
    },
  };
}

/** Settings that are fine alone and impossible together, as [path, message]. */
function* contradictions({
  curriculum,
  images,
  prompts,
  reasoner,
}: RunSettings): Generator<[string, string]> {
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
  if (prompts.reasoner !== null && !prompts.reasoner.includes("{question}")) {
    yield ["prompts.reasoner", "expected {question} where the question belongs"];
  }
  const { low, high } = curriculum.band;
  if (low > high) {
    yield [
      "curriculum.band.low",
      `expected at most curriculum.band.high (${high}), for nothing lies between`,
    ];
  }
  const { agreement, format, brevity } = reasoner.reward;
  if (agreement + format + brevity === 0) {
    yield ["reasoner.reward", "expected a weight above 0, for all rewards would be equal; raise agreement"];
  }
  if (reasoner.labels === "true" && images.folder !== null) {
    const message = 'expected "silver" where images.folder is set, for only scenes know the truth';
    yield ["reasoner.labels", message];
  }
}
