import { RandomStream } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import { grpoWork, type LearningWork } from "../policy/embedded/learning_work.ts";
import type { LocalPolicy } from "../policy/embedded/local_policy.ts";
import type { TreeJob } from "../policy/embedded/micro_batch.ts";
import { type PromptTokens, wholePrompt } from "../policy/embedded/stretch.ts";
import type { PreparedImage } from "../policy/models/vision_language_model.ts";
import type { TrainingGroup, UpdateOptions } from "../policy/port.ts";
import { promptAbout } from "../policy/prompts.ts";
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
      prompt: promptAbout(image, ""), // `prompts` stand for it
      rollouts: Array.from({ length: groupSize }, rollout),
    })),
  };
}

/** Every group shares its prompt and image. */
export function sharedWork({ groups, prompts }: UpdateTask): LearningWork {
  return grpoWork(groups, jobsOf(groups, prompts), grpo);
}

/** The same rollouts, each a group of its own with a copy of its prompt and of its image. */
export function repeatedWork({ groups, prompts }: UpdateTask): LearningWork {
  const copies = groups.flatMap(({ prompt, rollouts }, p) =>
    rollouts.map((rollout, g) => {
      const { prefix, ...rest } = prompts[p] as PromptTokens;
      const images = prefix.images.map((image) => ({ ...image, id: `${image.id}, copy ${g}` }));
      const copy: PromptTokens = { ...rest, prefix: { ...prefix, images } };
      return { group: { prompt, rollouts: [rollout] }, prompt: copy };
    }),
  );
  const alone = copies.map(({ group }) => group);
  return grpoWork(
    alone,
    jobsOf(
      alone,
      copies.map(({ prompt }) => prompt),
    ),
    grpo,
  );
}

function jobsOf(
  groups: readonly TrainingGroup[],
  prompts: readonly PromptTokens[],
): TreeJob<PreparedImage>[] {
  return zip(groups, prompts).map(([{ rollouts }, prompt]) => ({
    prefix: wholePrompt(prompt),
    targets: rollouts.map(({ completion: { tokens } }) => ({ tokens, images: [], sampled: null })),
  }));
}

/** Forward and backward of all of it in the trainer's own micro-batches; the weights stay as they are. */
export async function runUpdate(policy: LocalPolicy, work: LearningWork): Promise<void> {
  await policy.accumulate(work, async () => {});
  policy.learner.discard();
}
