import type { EventBody } from "../replay/events.ts";
import { rollOut, type SampleTurn } from "../training/rollout.ts";
import type { EnvironmentStage } from "./config/stages.ts";
import { type Lesson, learn, lessons, limitOf, supervisedStep } from "./lessons.ts";
import type { Step } from "./step.ts";
import type { OpenTask } from "./tasks.ts";
import { learningRateOf } from "./training.ts";

/** The Reasoner imitates, turn by turn, what the environment demonstrates in tasks; one update. */
export async function imitate(
  step: Step,
  config: EnvironmentStage,
  open: readonly OpenTask[],
): Promise<EventBody[]> {
  const { environment, signal } = step.run;
  const said: Lesson[] = [];
  const options = { groupSize: 1, maxTurns: config.maxTurns, signal };
  await step.time("answer", () =>
    rollOut(open, environment, demonstrator(step, config, open, said), options),
  );
  const learnt = await learn(step, learningRateOf(step, "reasoner", config, config.learningRate), said);
  return [supervisedStep(step, learnt, null)];
}

/** Says what the environment demonstrates, and notes it as what is to be learnt. */
function demonstrator(
  step: Step,
  config: EnvironmentStage,
  open: readonly OpenTask[],
  said: Lesson[],
): SampleTurn {
  const { environment, signal } = step.run;
  const limit = limitOf(step, config);
  return async (asked, _groupSize, turn) => {
    const texts = await Promise.all(
      asked.map(({ state }) => environment.demonstrate?.(state, turn, signal) ?? ""),
    );
    return asked.map(({ task, prompt }, i) => {
      const { ref, question } = open[task] as OpenTask;
      const text = texts[i] as string;
      const [lesson] = lessons(step, limit, { ref, question, text }, prompt);
      if (!lesson) return null;
      said.push(lesson);
      const tokens = lesson.example.completion;
      return [{ tokens, logProbs: new Float32Array(tokens.length), text, finishReason: "stop" as const }];
    });
  };
}
