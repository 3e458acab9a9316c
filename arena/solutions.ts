import type { Prompt } from "../policy/port.ts";
import { describerPrompt } from "../reasoner/prompt.ts";
import type { UpdateRecord } from "../replay/events.ts";
import { type Lesson, learn, lessons } from "./lessons.ts";
import type { LoadedItem } from "./loaded_items.ts";
import type { Step } from "./step.ts";
import { learningRateOf } from "./training.ts";

/** Items to imitate what the Reasoner made of them. */
export interface Imitated {
  /** Their solutions. */
  readonly answered: readonly LoadedItem[];
  /** Their descriptions. */
  readonly described: readonly LoadedItem[];
}

/**
 * One update of the Reasoner by imitation of its own best (LMSI, Huang et al., 2022): answers that agree with the label, and
 * descriptions, each the one that has most in common with the others. They were made in clear views and are learnt in noisy
 * ones (FixMatch, Sohn et al., 2020), so that it comes to see there what before it saw in a good light only. Null where there
 * is nothing to imitate. A stop waits for its end, for it belongs to the step of an update before it.
 */
export async function imitateSolutions(
  step: Step,
  { answered, described }: Imitated,
  decay: number,
): Promise<UpdateRecord | null> {
  const { imitation, learningRateEnd } = step.run.config.reasoner;
  const { reasoner, ports } = step.run;
  const taught = [
    ...answered.flatMap((item) => lessonOf(step, item, item.item.solution, reasoner.prompt(item))),
    ...described.flatMap((item) => {
      const prompt = describerPrompt(item.image, item.question, ports.templates);
      return lessonOf(step, item, item.item.description, prompt);
    }),
  ];
  const rate = learningRateOf(step, "reasoner", { learningRateEnd }, imitation.learningRate * decay);
  return (await learn(step, rate, taught, null)).update;
}

function lessonOf(step: Step, { ref, question }: LoadedItem, text: string | null, prompt: Prompt): Lesson[] {
  const { maxTokens } = step.run.config.reasoner;
  if (text === null) return [];
  return lessons(step, { maxTokens, setting: "reasoner.maxTokens" }, { ref, question, text }, prompt);
}
