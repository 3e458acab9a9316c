import { describe, expect, test } from "vitest";
import type { RunConfig } from "../../arena/config/config.ts";
import { easyr1 } from "../../hand_off/easyr1.ts";
import { type JobPlaces, type Phase, type Trainer, trainers } from "../../hand_off/phase.ts";
import { settings } from "../../hand_off/settings.ts";
import { nested, translate } from "../../hand_off/translate.ts";
import { verl } from "../../hand_off/verl.ts";
import { losses } from "../../policy/options.ts";
import { configOf } from "../fakes/config.ts";
import reference from "../reference/hand_off/trainer_keys.json" with { type: "json" };

const rules = { easyr1, verl };
const places: JobPlaces = {
  data: "/shared/curriculum.parquet",
  model: "/shared/model",
  adapter: null,
  reward: "/shared/reward.py",
  config: "/shared/it's/config.yaml",
  output: "/shared/output",
};

function phaseOf(config: RunConfig, more: Partial<Phase> = {}): Phase {
  return {
    config,
    round: 1,
    roundsBefore: 0,
    items: 100,
    steps: 20,
    updates: 0,
    isAnchored: true,
    adapter: null,
    ...more,
  };
}

/** Everything that a trainer is told. */
function told(trainer: Trainer, phase: Phase, where: JobPlaces = places): Record<string, unknown> {
  const machines = { nodes: 2, gpus: 8 };
  return { ...translate(phase, trainer).told, ...rules[trainer].told(phase, where, machines) };
}

/** The names of all settings in a part of a configuration. */
function leaves(value: unknown, name: string): string[] {
  if (typeof value !== "object" || value === null) return [name];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${name}.${key}`));
}

/** Configurations in which every setting differs from the default, or has a value that asks for a key of its own. */
const configs: readonly RunConfig[] = [
  configOf(),
  ...losses.map((loss) => configOf({ reasoner: { loss } })),
  configOf({
    seed: 3,
    model: { maxPixels: 1000, splitting: false },
    reasoner: {
      ...{ topK: 5, topP: 0.9, beta: 0, importanceCap: 2, learningRateEnd: 1, clipLow: 0.1, clipHigh: 0.4 },
      ...{ advantageScale: "batch", maskTruncated: false, positiveWeight: 1, labels: "true" },
      reward: {
        brevity: 0.1,
        description: 0.1,
        certainty: 0.1,
        verification: "gate",
        attribution: "by_part",
      },
    },
    optimizer: {
      epsilon: 1e-6,
      connectorLearningRateFactor: 0.5,
      visionLearningRateFactor: 0,
      warmupSteps: 50,
    },
    memory: { microBatchTokens: 4096, recomputeActivations: true },
  }),
];

test("every setting of a Reasoner phase has its row, and no other", () => {
  const { seed, model, reasoner, optimizer, adapter, memory } = configOf();
  const parts = { seed, model, reasoner, optimizer, adapter, memory };
  const names = Object.entries(parts).flatMap(([name, part]) => leaves(part, name));
  expect(Object.keys(settings).sort()).toEqual(names.sort());
});

describe.each(trainers)("%s", (trainer) => {
  const { release, keys } = reference[trainer];
  const known: Readonly<Record<string, string>> = keys;

  test("is told what its release knows, by the type that it wants", () => {
    expect(rules[trainer].release).toBe(release);
    const adapter = { rank: 4, alpha: 32 };
    const phases = [
      ...configs.map((config) => phaseOf(config)),
      ...(trainer === "verl" ? [phaseOf(configOf(), { adapter })] : []),
    ];
    for (const phase of phases) {
      const where = phase.adapter ? { ...places, adapter: "/shared/adapter" } : places;
      for (const [name, value] of Object.entries(told(trainer, phase, where)))
        expect({ name, type: typeOf(value), wanted: wantedOf(name) }).toEqual({
          name,
          type: expect.toSatisfy((type: string) =>
            wantedOf(name)
              .split(" or ")
              .some((each) => each === type || each === "any"),
          ),
          wanted: expect.not.stringMatching("nothing"),
        });
    }
  });

  /** The type of a key, or of what a key holds that takes any keys. */
  function wantedOf(name: string): string {
    const dicts = name.split(".").map((_, i, parts) => parts.slice(0, i).join("."));
    // Keys without a default that are filled by a dict: their own type says nothing.
    return (
      known[name] ??
      (dicts.some((each) => /^(dict|any)/.test(known[each] ?? "")) ? "any" : "nothing of that name")
    );
  }

  test("is told nothing twice by different rows", () => {
    const phase = phaseOf(configs.at(-1) as RunConfig, { round: 3 });
    const said = new Map<string, unknown>();
    for (const row of Object.values(settings))
      for (const [name, value] of Object.entries(row[trainer].to)) {
        const found = value(phase);
        if (said.has(name)) expect({ name, found }).toEqual({ name, found: said.get(name) });
        said.set(name, found);
      }
  });

  test("is said to differ only where it does", () => {
    const like = configOf({
      reasoner: {
        ...{ views: 1, learningRateEnd: 1, maskTruncated: false },
        imitation: { itemsPerStep: 0, descriptionsPerStep: 0 },
      },
    });
    expect(Object.keys(translate(phaseOf(like), trainer).unlike)).toEqual(["reasoner.reward.agreement"]);
    const unlike = Object.keys(translate(phaseOf(configs.at(-1) as RunConfig), trainer).unlike);
    expect(unlike).toEqual(
      expect.arrayContaining(["model.splitting", "reasoner.positiveWeight", "reasoner.labels"]),
    );
    expect(unlike).not.toContain("reasoner.maskTruncated");
  });
});

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}

test("numbers are carried over", () => {
  const config = configOf({
    rounds: 3,
    reasoner: {
      learningRate: 1e-4,
      learningRateDecayPerRound: 0.5,
      itemsPerStep: 16,
      beta: 0.1,
      loss: "dr_grpo",
      maxTokens: 77,
    },
    optimizer: { warmupSteps: 30 },
  });
  const phase = phaseOf(config, { round: 3, updates: 20, isAnchored: false });
  const expected = {
    "data.train_batch_size": 16,
    "trainer.total_training_steps": 20,
    "trainer.total_epochs": 4,
  };
  expect(told("verl", phase)).toMatchObject({
    ...expected,
    "actor_rollout_ref.actor.optim.lr": 2.5e-5,
    "actor_rollout_ref.actor.optim.lr_warmup_steps": 10,
    "actor_rollout_ref.actor.kl_loss_coef": 0.1,
    "actor_rollout_ref.actor.loss_agg_mode": "seq-mean-token-sum-norm",
    "actor_rollout_ref.actor.loss_scale_factor": 77,
    "actor_rollout_ref.rollout.top_k": -1,
  });
  expect(translate(phase, "verl").unlike).toHaveProperty(["reasoner.beta"]);
  expect(translate(phase, "easyr1").unlike).toHaveProperty(["reasoner.loss"]);
  expect(told("easyr1", phase)).toMatchObject({
    "data.rollout_batch_size": 16,
    "worker.actor.global_batch_size": 16,
    "algorithm.kl_coef": 0.1,
    "trainer.max_steps": 20,
  });
});

test("adapters are merged where the trainer leaves shards, and paths are words of a shell", () => {
  const phase = phaseOf(configOf(), { adapter: { rank: 4, alpha: 8 } });
  expect(verl.entrypoint(phase, places)).toBe(
    `python3 -m verl.trainer.main_ppo --config-path '/shared/it'\\''s' --config-name config && python3 -m verl.model_merger merge --backend fsdp --local_dir /shared/output/global_step_20/actor --target_dir /shared/output/global_step_20/actor/merged`,
  );
  expect(verl.result(phase, places)).toBe("/shared/output/global_step_20/actor/merged/lora_adapter");
  expect(easyr1.entrypoint(phaseOf(configOf()), places)).toMatch(
    /^python3 -m verl\.trainer\.main config='.*model_merger\.py --local_dir/,
  );
});

test("dotted names nest", () => {
  expect(nested({ "a.b.c": 1, "a.d": [2], e: null })).toEqual({ a: { b: { c: 1 }, d: [2] }, e: null });
});
