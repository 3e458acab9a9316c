import type { RgbImage } from "../images/image.ts";
import { view } from "../images/views.ts";
import { usualClip } from "../policy/options.ts";
import type { Policy } from "../policy/port.ts";
import { promptAbout } from "../policy/prompts.ts";

/** What a token takes in short calls, in milliseconds: longer calls, of more completions, take less for each. */
export interface Pace {
  readonly sampledTokenMs: number;
  readonly learnedTokenMs: number;
  /** Of one image's features; null where the image encoder does not learn, and nobody probes it. */
  readonly encodedImageMs: number | null;
}

const groupSize = 8;
const maxTokens = 8;

/** Times a group of short completions, a step that learns nothing from it, and images' features, each after one that compiles its graphs. */
export async function paceOf(
  policy: Policy,
  image: RgbImage,
  now: () => number,
  signal: AbortSignal,
): Promise<Pace> {
  const prompt = promptAbout(image, "What is in the picture?");
  const sampling = { groupSize, maxTokens, temperature: 1, topK: 0, topP: 1, ignoreEos: true, seed: 0 };
  const sample = () => policy.sample([prompt], sampling, signal);
  const [completions = []] = await sample();
  const rollouts = completions.map((completion, i) => ({ completion, advantage: i % 2 === 0 ? 1 : -1 }));
  const grpo = { loss: "dapo", ...usualClip.dapo, beta: 0, importanceCap: null } as const;
  const options = { ...grpo, temperature: 1, maxTokens, learningRate: 0 };
  const update = () => policy.update([{ prompt, rollouts }], options, signal);
  await update();
  const startedMs = now();
  await sample();
  const sampledMs = now();
  await update();
  const updatedMs = now();
  const tokens = groupSize * maxTokens;
  return {
    sampledTokenMs: (sampledMs - startedMs) / tokens,
    learnedTokenMs: (updatedMs - sampledMs) / tokens,
    encodedImageMs: await encodingMs(policy, image, now, signal),
  };
}

/** Images that are encoded at once. */
const encoded = 4;

async function encodingMs(
  policy: Policy,
  image: RgbImage,
  now: () => number,
  signal: AbortSignal,
): Promise<number | null> {
  if (!(await policy.info()).trainsImages) return null;
  // Others than those before, whose features may be kept.
  const others = (seed: number) =>
    Promise.all(Array.from({ length: encoded }, (_, k) => view(image, k + 1, seed, signal)));
  const [first, second] = [await others(0), await others(1)];
  await policy.features(first, { weights: "policy" }, signal);
  const startedMs = now();
  await policy.features(second, { weights: "policy" }, signal);
  return (now() - startedMs) / encoded;
}
