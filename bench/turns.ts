import type { RgbImage } from "../images/image.ts";
import type { LocalPolicy } from "../policy/embedded/local_policy.ts";
import { tokensInPrompt } from "../policy/embedded/stretch.ts";
import type { Completion, Prompt } from "../policy/port.ts";
import { promptAbout } from "../policy/prompts.ts";
import type { Figures } from "./figures.ts";
import { interleave, median, medianRatio } from "./measure.ts";
import { embeddedModel } from "./models.ts";
import { openLocal, scenes } from "./prompts.ts";

/** Conversations, their turns, and the words that each turn reads and says. */
const sizes = { conversations: 32, turns: 5, read: 24, said: 8 } as const;

/**
 * What a turn costs: 32 conversations of five turns, each of which reads 24 words and says 8 tokens, against as many prompts
 * that hold all those words at once and say all those tokens; and the same conversations where nothing is kept of the
 * turns before. In one thread, as `visplay train` opens a replica of a small model.
 */
export async function benchTurns(_threads: number, rounds: number, scratch: string): Promise<Figures> {
  await using policy = await openLocal(await embeddedModel(scratch), 1);
  const source = scenes(sizes.conversations, 1);
  const images = await Promise.all(Array.from({ length: sizes.conversations }, (_, i) => source.draw(i)));
  const converse = (beforeTurn: () => void) => async () => {
    let prompts = images.map((image): Prompt => promptAbout(image, words(sizes.read)));
    for (let turn = 0; turn < sizes.turns; turn++) {
      beforeTurn();
      const sampled = await say(policy, prompts, sizes.said, true);
      prompts = prompts.map((prompt, i) => goOn(prompt, sampled[i] as Completion));
    }
  };
  const atOnce = images.map((image) => promptAbout(image, words(sizes.turns * sizes.read)));
  requireLength(policy, images);
  const { turns, whole, anew } = await interleave(
    {
      turns: converse(() => {}),
      whole: () => say(policy, atOnce, sizes.turns * sizes.said, false),
      anew: converse(() => policy.conversations.forget()),
    },
    rounds,
  );
  return {
    turn_cost_over_new_tokens: { value: medianRatio(turns, whole), unit: "x" },
    turn_cost_without_what_is_kept: { value: medianRatio(anew, whole), unit: "x" },
    turns_seconds: { value: median(turns), unit: "s" },
  };
}

const vocabulary = "how many red circle ?".split(" ");

function words(count: number): string {
  return Array.from({ length: count }, (_, i) => vocabulary[i % vocabulary.length]).join(" ");
}

async function say(
  policy: LocalPolicy,
  prompts: readonly Prompt[],
  maxTokens: number,
  goesOn: boolean,
): Promise<Completion[]> {
  const options = { groupSize: 1, temperature: 1, topK: 0, topP: 1, maxTokens, ignoreEos: true, seed: 0 };
  return (await policy.sample(prompts, { ...options, goesOn })).flat();
}

function goOn({ turns }: Prompt, { tokens }: Completion): Prompt {
  const read = { role: "user" as const, parts: [words(sizes.read)] };
  return { turns: [...turns, { role: "assistant", tokens }, read] };
}

/** Throws where the conversations and the prompts do not hold as many words. */
function requireLength(policy: LocalPolicy, images: readonly RgbImage[]): void {
  const image = images[0] as RgbImage;
  const tokens = (count: number) => tokensInPrompt(policy.tokens(promptAbout(image, words(count))));
  const read = sizes.turns * sizes.read;
  if (tokens(read) - tokens(sizes.read) !== read - sizes.read)
    throw new RangeError("a word is not one token");
}
