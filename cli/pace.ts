import type { RgbImage } from "../images/image.ts";
import { usualClip } from "../policy/options.ts";
import type { Policy } from "../policy/port.ts";
import { promptAbout } from "../policy/prompts.ts";

/** What a token takes in short calls, in milliseconds: longer calls, of more completions, take less for each. */
export interface Pace {
  readonly sampledTokenMs: number;
  readonly learnedTokenMs: number;
}

const groupSize = 8;
const maxTokens = 8;

/** Times a group of short completions and a step that learns nothing from it, each after one that compiles its graphs. */
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
  const tokens = groupSize * maxTokens;
  return { sampledTokenMs: (sampledMs - startedMs) / tokens, learnedTokenMs: (now() - sampledMs) / tokens };
}
