import type { RunConfig } from "../arena/config/config.ts";
import { type Clip, type Loss, usualClip } from "../policy/options.ts";
import type { Phase, Trainer } from "./phase.ts";

/** What a trainer is told under one of its names; undefined leaves its default. */
type Told = (phase: Phase) => unknown;

/** How a trainer takes one of our settings. */
interface Counterpart {
  /** By its own names, dotted. None where it has none for it, or where the job's files say it. */
  readonly to: Readonly<Record<string, Told>>;
  /** What it does otherwise under a configuration; null where it does the same. */
  readonly unlike: (phase: Phase) => string | null;
}

type Row = Readonly<Record<Trainer, Counterpart>>;

/** A setting that a trainer takes under the given names, as it is here or by a rule; it does the same with it. */
function told(
  names: string | readonly string[],
  value: Told,
  unlike: Counterpart["unlike"] = same,
): Counterpart {
  const all = typeof names === "string" ? [names] : names;
  return { to: Object.fromEntries(all.map((name) => [name, value])), unlike };
}

/** A setting that a trainer has nothing for: what that comes to, under configurations for which it matters. */
function lacks(found: string, matters: (config: RunConfig) => boolean): Counterpart {
  return { to: {}, unlike: ({ config }) => (matters(config) ? found : null) };
}

const same = (): null => null;
/** A setting that decides how fast it goes and how much memory it takes, never what is learned. */
const theirs: Counterpart = { to: {}, unlike: same };
/** A setting that the files beside the configuration say. */
const inFiles: Counterpart = { to: {}, unlike: same };

const both = (counterpart: Counterpart): Row => ({ easyr1: counterpart, verl: counterpart });

const actor = "worker.actor";
const verlActor = "actor_rollout_ref.actor";
const rollout = "worker.rollout";
const verlRollout = "actor_rollout_ref.rollout";

/** The learning rate that the phase begins with. */
const learningRate: Told = ({ config: { reasoner }, round, roundsBefore }) =>
  reasoner.learningRate * reasoner.learningRateDecayPerRound ** (round - 1 - roundsBefore);
const betas: Told = ({ config: { optimizer } }) => [optimizer.beta1, optimizer.beta2];
const schedule: Told = ({ config }) => (config.reasoner.learningRateEnd < 1 ? "cosine" : "constant");
const onCosine = ({ config }: Phase): string | null =>
  config.reasoner.learningRateEnd < 1 ? "falls along a cosine, not along a line" : null;
/** What is left of the stage's warm-up. */
const warmup: Told = ({ config, updates }) => Math.max(0, config.optimizer.warmupSteps - updates);

function clipOf({ config: { reasoner } }: Phase): Clip {
  const { clipLow, clipHigh } = usualClip[reasoner.loss];
  return { clipLow: reasoner.clipLow ?? clipLow, clipHigh: reasoner.clipHigh ?? clipHigh };
}

/** How losses average, by the names that verl has: over all tokens, or over completions. */
const averages: Readonly<Record<Loss, string>> = {
  grpo: "seq-mean-token-mean",
  bnpo: "token-mean",
  dr_grpo: "seq-mean-token-sum-norm",
  dapo: "token-mean",
  cispo: "token-mean",
  gspo: "seq-mean-token-mean",
};

/** What the losses do with a ratio that is no clip of PPO. */
const ownRatio = (loss: Loss, otherwise: string): string =>
  loss === "cispo" || loss === "gspo" ? loss : otherwise;

/**
 * Every setting of a Reasoner phase, by its name here, and what EasyR1 and verl have in its place: the table by which a phase
 * is translated. A row that has no name there says what that comes to.
 */
export const settings: Readonly<Record<string, Row>> = {
  "model.name": both(inFiles),
  "model.maxPixels": both(inFiles),
  "model.splitting": both(
    lacks("pictures are cut into tiles as the model's folder says", ({ model }) => model.splitting !== null),
  ),
  seed: {
    easyr1: told(["data.seed", `${rollout}.seed`], ({ config }) => config.seed),
    verl: told(["data.seed", `${verlRollout}.seed`], ({ config }) => config.seed),
  },

  "reasoner.stepsPerRound": {
    easyr1: told("trainer.max_steps", ({ steps }) => steps),
    verl: told("trainer.total_training_steps", ({ steps }) => steps),
  },
  "reasoner.maxPasses": {
    easyr1: told("trainer.total_epochs", passesOf),
    verl: told("trainer.total_epochs", passesOf),
  },
  "reasoner.itemsPerStep": {
    easyr1: told(["data.rollout_batch_size", `${actor}.global_batch_size`], itemsPerStep),
    verl: told(["data.train_batch_size", `${verlActor}.ppo_mini_batch_size`], itemsPerStep),
  },
  "reasoner.itemsPerChunk": both(theirs),
  "reasoner.groupSize": {
    easyr1: told(`${rollout}.n`, ({ config }) => config.reasoner.groupSize),
    verl: told(`${verlRollout}.n`, ({ config }) => config.reasoner.groupSize),
  },
  "reasoner.temperature": {
    easyr1: told(`${rollout}.temperature`, ({ config }) => config.reasoner.temperature),
    verl: told(`${verlRollout}.temperature`, ({ config }) => config.reasoner.temperature),
  },
  "reasoner.topK": {
    easyr1: told(`${rollout}.top_k`, topK),
    verl: told(`${verlRollout}.top_k`, topK),
  },
  "reasoner.topP": {
    easyr1: told(`${rollout}.top_p`, ({ config }) => config.reasoner.topP),
    verl: told(`${verlRollout}.top_p`, ({ config }) => config.reasoner.topP),
  },
  "reasoner.maxTokens": both(told("data.max_response_length", ({ config }) => config.reasoner.maxTokens)),
  "reasoner.views": both(
    lacks("pictures are shown as they are, never in other light", ({ reasoner }) => reasoner.views > 1),
  ),

  "reasoner.learningRate": {
    easyr1: told(`${actor}.optim.lr`, learningRate),
    verl: told(`${verlActor}.optim.lr`, learningRate),
  },
  "reasoner.learningRateDecayPerRound": {
    easyr1: told(`${actor}.optim.lr`, learningRate),
    verl: told(`${verlActor}.optim.lr`, learningRate),
  },
  "reasoner.learningRateEnd": {
    easyr1: {
      to: {
        [`${actor}.optim.lr_scheduler_type`]: schedule,
        [`${actor}.optim.min_lr_ratio`]: ({ config }) => config.reasoner.learningRateEnd,
      },
      unlike: onCosine,
    },
    verl: {
      to: {
        [`${verlActor}.optim.lr_scheduler_type`]: schedule,
        [`${verlActor}.optim.min_lr_ratio`]: ({ config }) => config.reasoner.learningRateEnd,
      },
      unlike: onCosine,
    },
  },
  "reasoner.beta": {
    easyr1: {
      to: {
        "algorithm.disable_kl": ({ config }) => config.reasoner.beta === 0,
        "algorithm.use_kl_loss": ({ config }) => config.reasoner.beta > 0,
        "algorithm.kl_penalty": () => "low_var_kl",
        "algorithm.kl_coef": ({ config }) => config.reasoner.beta,
      },
      unlike: anchoredToStart,
    },
    verl: {
      to: {
        "algorithm.use_kl_in_reward": () => false,
        [`${verlActor}.use_kl_loss`]: ({ config }) => config.reasoner.beta > 0,
        [`${verlActor}.kl_loss_type`]: () => "low_var_kl",
        [`${verlActor}.kl_loss_coef`]: ({ config }) => config.reasoner.beta,
      },
      unlike: anchoredToStart,
    },
  },
  "reasoner.loss": {
    easyr1: {
      to: {
        [`${actor}.loss_type`]: ({ config }) => ownRatio(config.reasoner.loss, "default"),
        [`${actor}.loss_avg_mode`]: ({ config }) =>
          averages[config.reasoner.loss] === "seq-mean-token-mean" ? "seq" : "token",
        // Nothing here clips a third time, as dual-clip PPO does.
        [`${actor}.clip_ratio_dual`]: () => 1e9,
      },
      unlike: ({ config }) =>
        config.reasoner.loss === "dr_grpo" ? "averages over tokens, not over a constant length" : null,
    },
    verl: {
      to: {
        [`${verlActor}.policy_loss.loss_mode`]: ({ config }) => ownRatio(config.reasoner.loss, "vanilla"),
        [`${verlActor}.loss_agg_mode`]: ({ config }) => averages[config.reasoner.loss],
        [`${verlActor}.loss_scale_factor`]: ({ config: { reasoner } }) =>
          reasoner.loss === "dr_grpo" ? reasoner.maxTokens : undefined,
        [`${verlActor}.clip_ratio_c`]: () => 1e9,
      },
      unlike: same,
    },
  },
  "reasoner.clipLow": {
    easyr1: told(`${actor}.clip_ratio_low`, (phase) => clipOf(phase).clipLow),
    verl: told(`${verlActor}.clip_ratio_low`, (phase) => clipOf(phase).clipLow),
  },
  "reasoner.clipHigh": {
    easyr1: told(`${actor}.clip_ratio_high`, (phase) => clipOf(phase).clipHigh),
    verl: told(`${verlActor}.clip_ratio_high`, (phase) => clipOf(phase).clipHigh),
  },
  "reasoner.importanceCap": {
    easyr1: lacks(
      "ratios are taken against the trainer's own probabilities, never the sampler's",
      ({ reasoner }) => reasoner.importanceCap !== null,
    ),
    verl: {
      to: {
        "algorithm.rollout_correction.rollout_is": ({ config }) =>
          config.reasoner.importanceCap === null ? undefined : "token",
        "algorithm.rollout_correction.rollout_is_threshold": ({ config }) =>
          config.reasoner.importanceCap ?? undefined,
      },
      unlike: same,
    },
  },
  "reasoner.advantageScale": {
    easyr1: lacks(
      "advantages are divided by the group's deviation",
      ({ reasoner }) => reasoner.advantageScale !== "group",
    ),
    verl: told(
      "algorithm.norm_adv_by_std_in_grpo",
      ({ config }) => config.reasoner.advantageScale !== "none",
      ({ config }) =>
        config.reasoner.advantageScale === "batch" ? "advantages are divided by the group's deviation" : null,
    ),
  },
  "reasoner.maskTruncated": both(
    lacks("completions that are cut off count like others", ({ reasoner }) => reasoner.maskTruncated),
  ),
  "reasoner.positiveWeight": both(
    lacks("the best completions are not imitated beside", ({ reasoner }) => reasoner.positiveWeight > 0),
  ),
  "reasoner.imitation.itemsPerStep": both(
    lacks("whole answers are not imitated", ({ reasoner }) => reasoner.imitation.itemsPerStep > 0),
  ),
  "reasoner.imitation.descriptionsPerStep": both(
    lacks("descriptions are not imitated", ({ reasoner }) => reasoner.imitation.descriptionsPerStep > 0),
  ),
  "reasoner.imitation.learningRate": both(theirs),

  "reasoner.reward.agreement": both({
    to: {},
    unlike: () =>
      "answers are the same by case, spaces, punctuation and the value of a number; of units, lists and choices nothing is known",
  }),
  "reasoner.reward.format": both(inFiles),
  "reasoner.reward.brevity": both(
    lacks("brevity earns nothing", ({ reasoner }) => reasoner.reward.brevity !== 0),
  ),
  "reasoner.reward.description": both(
    lacks("descriptions earn nothing", ({ reasoner }) => reasoner.reward.description !== 0),
  ),
  "reasoner.reward.certainty": both(
    lacks("stated certainty earns nothing", ({ reasoner }) => reasoner.reward.certainty !== 0),
  ),
  "reasoner.reward.verification": both(
    lacks(
      "agreement is not verified by the chain",
      ({ reasoner }) => reasoner.reward.verification !== "none",
    ),
  ),
  "reasoner.reward.attribution": both(
    lacks("all tokens are credited alike", ({ reasoner }) => reasoner.reward.attribution !== "whole"),
  ),
  "reasoner.labels": both(lacks("labels are silver", ({ reasoner }) => reasoner.labels !== "silver")),

  "optimizer.weightDecay": {
    easyr1: told(`${actor}.optim.weight_decay`, ({ config }) => config.optimizer.weightDecay),
    verl: told(`${verlActor}.optim.weight_decay`, ({ config }) => config.optimizer.weightDecay),
  },
  "optimizer.beta1": {
    easyr1: told(`${actor}.optim.betas`, betas),
    verl: told(`${verlActor}.optim.betas`, betas),
  },
  "optimizer.beta2": {
    easyr1: told(`${actor}.optim.betas`, betas),
    verl: told(`${verlActor}.optim.betas`, betas),
  },
  "optimizer.epsilon": {
    easyr1: lacks("is 1e-8, as PyTorch has it", ({ optimizer }) => optimizer.epsilon !== 1e-8),
    verl: told(`${verlActor}.optim.override_optimizer_config.eps`, ({ config }) => config.optimizer.epsilon),
  },
  "optimizer.maxGradientNorm": {
    easyr1: told(`${actor}.max_grad_norm`, ({ config }) => config.optimizer.maxGradientNorm),
    verl: told(
      [`${verlActor}.grad_clip`, `${verlActor}.optim.clip_grad`],
      ({ config }) => config.optimizer.maxGradientNorm,
    ),
  },
  "optimizer.warmupSteps": {
    easyr1: told(`${actor}.optim.lr_warmup_steps`, warmup),
    verl: told(`${verlActor}.optim.lr_warmup_steps`, warmup),
  },
  "optimizer.connectorLearningRateFactor": both(wholeOnly("connectorLearningRateFactor", "the connector")),
  "optimizer.visionLearningRateFactor": {
    easyr1: told(
      `${actor}.model.freeze_vision_tower`,
      ({ config }) => config.optimizer.visionLearningRateFactor === 0,
      (phase) =>
        phase.config.optimizer.visionLearningRateFactor === 0
          ? null
          : wholeOnly("visionLearningRateFactor", "the vision tower").unlike(phase),
    ),
    // Its name for freezing the vision tower is read by no engine that runs on FSDP.
    verl: wholeOnly("visionLearningRateFactor", "the vision tower"),
  },

  "adapter.rank": {
    easyr1: inFiles,
    verl: told("actor_rollout_ref.model.lora_rank", ({ adapter }) => adapter?.rank ?? 0),
  },
  "adapter.alpha": {
    easyr1: inFiles,
    verl: told("actor_rollout_ref.model.lora_alpha", ({ adapter }) => adapter?.alpha),
  },
  "adapter.rankStabilized": both(inFiles),
  "adapter.layers": both(inFiles),
  "memory.microBatchTokens": {
    easyr1: theirs,
    verl: told(
      `${verlActor}.ppo_max_token_len_per_gpu`,
      ({ config }) => config.memory.microBatchTokens ?? undefined,
    ),
  },
  "memory.recomputeActivations": {
    easyr1: told(`${actor}.model.enable_gradient_checkpointing`, recomputes),
    verl: told("actor_rollout_ref.model.enable_gradient_checkpointing", recomputes),
  },
};

function itemsPerStep({ config }: Phase): number {
  return config.reasoner.itemsPerStep;
}

/** Passes over the curriculum that the steps take, each without what is left over of a step. */
function passesOf({ config, items, steps }: Phase): number {
  return Math.ceil(steps / Math.max(1, Math.floor(items / config.reasoner.itemsPerStep)));
}

/** All tokens are -1 there. */
function topK({ config }: Phase): number {
  return config.reasoner.topK === 0 ? -1 : config.reasoner.topK;
}

function recomputes({ config }: Phase): boolean | undefined {
  return config.memory.recomputeActivations ?? undefined;
}

function anchoredToStart({ config, isAnchored }: Phase): string | null {
  if (config.reasoner.beta === 0 || isAnchored) return null;
  return "the KL is to the model as the job begins with it, not to the run's base";
}

/** A part of the model that is trained like the others, whatever its rate is here. */
function wholeOnly(
  factor: "connectorLearningRateFactor" | "visionLearningRateFactor",
  part: string,
): Counterpart {
  return {
    to: {},
    unlike: ({ config, adapter }) =>
      adapter === null && config.optimizer[factor] !== 1
        ? `${part} is trained at the rate of the text model`
        : null,
  };
}
