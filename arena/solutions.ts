import type { UpdateRecord } from "../replay/events.ts";
import { learn, lessons } from "./lessons.ts";
import type { LoadedItem } from "./loaded_items.ts";
import type { Step } from "./step.ts";
import { learningRateOf } from "./training.ts";

/**
 * One update of the Reasoner by imitation of its curriculum's solutions (LMSI, Huang et al., 2022): answers that agree
 * with the label and have most in common with the others that do. Null where none of the items has one. A stop waits for
 * its end, for it belongs to the step of an update before it.
 */
export async function imitateSolutions(
  step: Step,
  items: readonly LoadedItem[],
  decay: number,
): Promise<UpdateRecord | null> {
  const { imitation, maxTokens, learningRateEnd } = step.run.config.reasoner;
  const taught = items.flatMap(({ ref, image, question, item: { solution: text } }) => {
    if (text === null) return [];
    const prompt = step.run.reasoner.prompt({ image, question });
    return lessons(step, { maxTokens, setting: "reasoner.maxTokens" }, { ref, question, text }, prompt);
  });
  const rate = learningRateOf(step, "reasoner", { learningRateEnd }, imitation.learningRate * decay);
  return (await learn(step, rate, taught, null)).update;
}
