import { RandomStream } from "../common/random.ts";
import type { PromptTokens } from "../policy/chat/prompt_tokens.ts";
import { grpoWork, type LearningWork } from "../policy/embedded/learning_work.ts";
import type { LocalPolicy } from "../policy/embedded/local_policy.ts";
import type { TrainingGroup, UpdateOptions } from "../policy/port.ts";
import { promptOfLength, scenes } from "./prompts.ts";

/** Sizes of an update: none needs padding, so that every token counts. */
const updateSizes = { groups: 8, groupSize: 8, promptTokens: 96, completionTokens: 24 } as const;

/** GRPO without a reference, as the benchmarks do it. */
export const grpo: UpdateOptions = {
  loss: "dapo",
  clipLow: 0.2,
  clipHigh: 0.3,
  beta: 0,
  importanceCap: null,
  temperature: 1,
  maxTokens: updateSizes.completionTokens,
  learningRate: 1e-5,
};

/** Prompts about different scenes, and groups of random rollouts for them. */
export interface UpdateTask {
  readonly prompts: readonly PromptTokens[];
  readonly groups: readonly TrainingGroup[];
}

/** The task of `updateSizes` for a model with the embedded vocabulary. */
export async function updateTask(policy: LocalPolicy): Promise<UpdateTask> {
  const { groups, groupSize, promptTokens, completionTokens } = updateSizes;
  const source = scenes(groups, 0);
  const images = await Promise.all(Array.from({ length: groups }, (_, i) => source.draw(i)));
  const stream = new RandomStream(0);
  const vocabulary = policy.model.config.text.vocabSize;
  const rollout = () => ({
    completion: {
      tokens: Int32Array.from({ length: completionTokens }, () => stream.integer(vocabulary)),
      logProbs: new Float32Array(completionTokens).fill(-Math.log(vocabulary)),
    },
    advantage: stream.normal(),
  });
  return {
    prompts: images.map((image) => promptOfLength(policy, image, promptTokens)),
    groups: images.map((image) => ({
      prompt: { image, text: "" }, // `prompts` stand for it
      rollouts: Array.from({ length: groupSize }, rollout),
    })),
  };
}

/** Every group shares its prompt and image. */
export function sharedWork({ groups, prompts }: UpdateTask): LearningWork {
  return grpoWork(groups, prompts, grpo);
}

/** The same rollouts, each a group of its own with a copy of its prompt and of its image. */
export function repeatedWork({ groups, prompts }: UpdateTask): LearningWork {
  const copies = groups.flatMap(({ prompt, rollouts }, p) =>
    rollouts.map((rollout, g) => {
      const { image, prefix, suffix } = prompts[p] as PromptTokens;
      const copy: PromptTokens = { image: { ...image, id: `${image.id}, copy ${g}` }, prefix, suffix };
      return { group: { prompt, rollouts: [rollout] }, prompt: copy };
    }),
  );
  return grpoWork(
    copies.map(({ group }) => group),
    copies.map(({ prompt }) => prompt),
    grpo,
  );
}

/** Forward and backward of all of it in the trainer's own micro-batches; the weights stay as they are. */
export async function runUpdate(policy: LocalPolicy, work: LearningWork): Promise<void> {
  await policy.accumulate(work, async () => {});
  policy.learner.discard();
}
