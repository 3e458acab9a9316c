import { defer, EMPTY, type Observable } from "rxjs";
import { settleAll } from "../common/in_parallel.ts";
import type { Example } from "../policy/port.ts";
import { questionerPrompt, questionerTemplates } from "../questioner/prompt.ts";
import { Questioner } from "../questioner/questioner.ts";
import { writeQuestion } from "../questioner/write.ts";
import { reasonerTemplates } from "../reasoner/prompt.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import { writeAnswer } from "../reasoner/write.ts";
import type { EventBody, RunEvent, UpdateRecord } from "../replay/events.ts";
import type { Role } from "../replay/self_play.ts";
import { Answerer } from "./answerer.ts";
import type { SamplingConfig } from "./config/learning.ts";
import { itemsAt } from "./data_order.ts";
import { answer, ask, type LoadedImage, load, type OpenQuestion } from "./dialogue.ts";
import { playPhase } from "./phase.ts";
import type { Run } from "./run.ts";
import type { Step } from "./step.ts";

/**
 * Before the first round, where the base does not write the wanted format: both policies are asked plainly, and imitate
 * what they said themselves, put into that format. It teaches the form, and nothing that they did not know.
 */
export function warmUpPhase(run: Run): Observable<RunEvent> {
  return defer(() =>
    run.progress.warmUpSteps === 0
      ? EMPTY
      : playPhase(run, {
          round: run.stage.before,
          phase: "warmUp",
          steps: run.progress.warmUpSteps,
          prepare: (step) => load(step, imagesOf(step), false),
          play: async (step, images) => imitate(step, images.length, await speak(step, images)),
        }),
  );
}

function imagesOf({ run, place: { step } }: Step): number[] {
  const { length } = run.ports.images;
  const count = Math.min(run.config.warmUp.imagesPerStep, length);
  return itemsAt(run.seed("warmUp.images"), step * count, count, length);
}

/** A question in plain words, and the Reasoner's answer to it; nulls where it gave no short one. */
interface Spoken extends OpenQuestion {
  readonly answer: string | null;
  /** The sentence that the answer stood in, if it stood in one. */
  readonly sentence: string | null;
}

/** Tokens that a plain question or answer has at most: what is longer was no short one, and waiting for it costs minutes. */
const PLAIN_TOKENS = 64;

/** The Questioner asks about images in plain words, and the Reasoner answers each question once. */
async function speak(step: Step, images: readonly LoadedImage[]): Promise<Spoken[]> {
  const { config, ports } = step.run;
  const { temperature, questionsPerImage: groupSize } = config.warmUp;
  const plainSampling = ({ topK, topP, maxTokens }: SamplingConfig): SamplingConfig => {
    return { temperature, topK, topP, maxTokens: Math.min(maxTokens, PLAIN_TOKENS) };
  };
  const { plain: asking } = questionerTemplates;
  const questioner = new Questioner(step.run.policy("questioner"), { questioner: asking, format: "plain" });
  const asked = await ask(step, images, { ...plainSampling(config.questioner), groupSize }, questioner);
  const open = asked.flatMap(({ questions }) => questions.flatMap((each) => each.open ?? []));

  const { plain: answering } = reasonerTemplates;
  const reasoner = new Answerer(ports.policies.reasoner, { reasoner: answering, format: "plain" }, null);
  const options = { ...plainSampling(config.reasoner), samples: 1 };
  const answers = await answer(step, open, options, { purpose: "answer" }, reasoner);
  return open.map((question) => ({ ...question, ...shortAnswerIn(answers.get(question)?.answers[0]) }));
}

function shortAnswerIn(given: Answer | undefined): Pick<Spoken, "answer" | "sentence"> {
  const parsed = given?.parsed;
  const text = given?.completion.text.trim() ?? "";
  if (parsed?.outcome !== "answered" || !isShort(parsed.answer)) return { answer: null, sentence: null };
  const isSentence = parsed.answer !== text && !/[<\n]/.test(text);
  return { answer: parsed.answer, sentence: isSentence ? text : null };
}

/** Whether it is worth imitating: what is said at length is hardly said twice in the same words. */
function isShort(answer: string): boolean {
  return answer.split(" ").length <= 6;
}

/** One supervised step of each policy on what was said, in the form and under the prompts that the run has. */
async function imitate(step: Step, images: number, spoken: readonly Spoken[]): Promise<EventBody[]> {
  const { templates } = step.run.ports;
  const { format } = templates;
  const answered = spoken.flatMap((each) => (each.answer === null ? [] : [{ ...each, answer: each.answer }]));
  const questions = spoken.map(({ image, question, answer }) => ({
    prompt: questionerPrompt(image, templates),
    completion: writeQuestion(format, question, answer),
  }));
  const answers = answered.map(({ image, question, answer, sentence }) => ({
    prompt: step.run.reasoner.prompt({ image, question }),
    completion: writeAnswer(format, answer, sentence),
  }));
  const [questioner, reasoner] = await settleAll([
    supervise(step, "questioner", questions),
    supervise(step, "reasoner", answers),
  ]);
  return [
    {
      type: "warmUpStep",
      ...step.place,
      phase: "warmUp",
      ...step.measurements(),
      images,
      asked: questions.map(({ completion }) => completion),
      answered: answers.map(({ completion }) => completion),
      updates: { questioner, reasoner },
    },
  ];
}

async function supervise(step: Step, role: Role, examples: readonly Example[]): Promise<UpdateRecord | null> {
  if (examples.length === 0) return null;
  const { run } = step;
  const learningRate = run.config.warmUp.learningRate * run.warmup(role);
  const report = await step.time("update", (signal) =>
    run.policy(role).supervise(examples, { learningRate }, signal),
  );
  return { ...report, learningRate };
}
