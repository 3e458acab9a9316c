import { shellWord } from "../common/shell_word.ts";
import { actorFolder, maxPromptTokens, type TrainerRules, trainerSettings } from "./trainer.ts";

/** verl, started with a configuration file that is laid over its own `ppo_trainer.yaml`. */
export const verl: TrainerRules = {
  name: "verl",
  release: "0.9.1",
  preamble: {
    defaults: ["ppo_trainer", "_self_"],
    hydra: { searchpath: ["pkg://verl.trainer.config"] },
  },
  told: (phase, { data, model, adapter, reward, output }, machines) => ({
    "data.train_files": data,
    "data.val_files": data,
    "data.image_key": "images",
    "data.max_prompt_length": maxPromptTokens,
    "data.filter_overlong_prompts": true,
    "data.shuffle": true,
    "algorithm.adv_estimator": "grpo",
    "actor_rollout_ref.model.path": model,
    ...(adapter !== null && { "actor_rollout_ref.model.lora_adapter_path": adapter }),
    "actor_rollout_ref.actor.ppo_epochs": 1,
    "actor_rollout_ref.actor.use_dynamic_bsz": true,
    "actor_rollout_ref.actor.checkpoint.save_contents": ["model", adapter === null ? "hf_model" : "extra"],
    "actor_rollout_ref.rollout.name": "vllm",
    "actor_rollout_ref.rollout.tensor_model_parallel_size": 1,
    // With an adapter, only that is sent to the sampler, which has to load the model itself.
    ...(adapter !== null && { "actor_rollout_ref.rollout.load_format": "safetensors" }),
    "reward.custom_reward_function.path": reward,
    "reward.custom_reward_function.name": "compute_score",
    ...trainerSettings(phase, machines),
    "trainer.test_freq": -1,
    "trainer.save_freq": phase.steps,
    "trainer.default_local_dir": output,
  }),
  entrypoint: (phase, places) => {
    const [folder, name] = splitPath(places.config);
    const train = `python3 -m verl.trainer.main_ppo --config-path ${shellWord(folder)} --config-name ${shellWord(name)}`;
    if (phase.adapter === null) return train;
    const actor = actorFolder(phase, places);
    const merge = `python3 -m verl.model_merger merge --backend fsdp --local_dir ${shellWord(actor)} --target_dir ${shellWord(`${actor}/merged`)}`;
    return `${train} && ${merge}`;
  },
  result: (phase, places) =>
    `${actorFolder(phase, places)}/${phase.adapter === null ? "huggingface" : "merged/lora_adapter"}`,
};

/** The folder of a configuration, and its name there without the ending. */
function splitPath(path: string): [string, string] {
  const end = path.lastIndexOf("/");
  return [path.slice(0, end), path.slice(end + 1).replace(/\.yaml$/, "")];
}
