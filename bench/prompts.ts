import type { RgbImage } from "../images/image.ts";
import { SceneSource } from "../images/scenes/source.ts";
import { LocalPolicy, type LocalPolicyOptions } from "../policy/embedded/local_policy.ts";
import { type PromptTokens, tokensInPrompt } from "../policy/embedded/stretch.ts";
import { promptAbout } from "../policy/prompts.ts";

/** Padded tokens that one update graph holds at most, as in `visplay train`. */
export const microBatchTokens = 4096;

/** As `visplay train` opens a policy, but with all parameters learning alike. */
export function policyOptions(threads: number): LocalPolicyOptions {
  return {
    threads,
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1 },
    learningRateFactors: { text: 1, connector: 1, vision: 1 },
    microBatchTokens,
  };
}

/** A model to measure in the calling thread. */
export function openLocal(folder: string, threads: number): Promise<LocalPolicy> {
  return LocalPolicy.open(folder, policyOptions(threads));
}

/** Target scenes, different for every seed. */
export function scenes(count: number, seed: number): SceneSource {
  return new SceneSource({ domain: "target", count, seed });
}

const question = "how many red circle ?".split(" ");

/** A prompt of exactly `length` tokens, the image's included, for the embedded vocabulary: one word is one token. */
export function promptOfLength(policy: LocalPolicy, image: RgbImage, length: number): PromptTokens {
  const words = (count: number) => {
    const text = Array.from({ length: count }, (_, i) => question[i % question.length]).join(" ");
    return policy.tokens(promptAbout(image, text));
  };
  const prompt = words(length - tokensInPrompt(words(1)) + 1);
  if (tokensInPrompt(prompt) !== length)
    throw new RangeError(`a prompt of ${tokensInPrompt(prompt)} tokens, not ${length}`);
  return prompt;
}
