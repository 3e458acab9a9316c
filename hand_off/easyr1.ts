import { shellWord } from "../common/shell_word.ts";
import { actorFolder, maxPromptTokens, type TrainerRules, trainerSettings } from "./trainer.ts";

/**
 * EasyR1 (hiyouga/EasyR1), which reads its configuration strictly. The job runs in a checkout of it (`runtime_env.working_dir`,
 * or the folder that the cluster starts jobs in): its script that merges a checkpoint's shards is no part of its package.
 */
export const easyr1: TrainerRules = {
  name: "easyr1",
  release: "b44b311",
  preamble: {},
  told: (phase, { data, model, reward, output }, machines) => ({
    "data.train_files": data,
    "data.val_files": data,
    "data.prompt_key": "problem",
    "data.answer_key": "answer",
    "data.image_key": "images",
    "data.max_prompt_length": maxPromptTokens,
    // As the model's own processor has it.
    "data.min_pixels": null,
    "data.max_pixels": null,
    "data.shuffle": true,
    "algorithm.adv_estimator": "grpo",
    "worker.actor.ppo_epochs": 1,
    "worker.actor.model.model_path": model,
    "worker.rollout.tensor_parallel_size": 1,
    "worker.reward.reward_function": `${reward}:compute_score`,
    ...trainerSettings(phase, machines),
    "trainer.val_freq": -1,
    "trainer.save_freq": phase.steps,
    "trainer.save_limit": 1,
    "trainer.save_model_only": true,
    "trainer.save_checkpoint_path": output,
  }),
  entrypoint: (phase, places) =>
    [
      `python3 -m verl.trainer.main config=${shellWord(places.config)}`,
      `python3 scripts/model_merger.py --local_dir ${shellWord(actorFolder(phase, places))}`,
    ].join(" && "),
  result: (phase, places) => `${actorFolder(phase, places)}/huggingface`,
};
