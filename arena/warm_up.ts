import { concatMap, defer, EMPTY, forkJoin, map, type Observable, of } from "rxjs";
import type { Example } from "../policy/port.ts";
import { questionerPrompt, questionerTemplates } from "../questioner/prompt.ts";
import { Questioner } from "../questioner/questioner.ts";
import { writeQuestion } from "../questioner/write.ts";
import { reasonerPrompt, reasonerTemplates } from "../reasoner/prompt.ts";
import { Reasoner } from "../reasoner/reasoner.ts";
import { writeAnswer } from "../reasoner/write.ts";
import type { EventBody, Role, RunEvent, UpdateRecord } from "../replay/events.ts";
import { itemsAt } from "./data_order.ts";
import { type LoadedImage, load, type OpenQuestion } from "./dialogue.ts";
import { playPhase } from "./phase.ts";
import type { Run } from "./run.ts";
import type { Step } from "./step.ts";

/**
 * Before the first round, where the base does not write the wanted format: both policies are asked plainly, and imitate
 * what they said themselves, put into that format. It teaches the form, and nothing that they did not know.
 */
export function warmUpPhase(run: Run): Observable<RunEvent> {
  return defer(() =>
    run.warmUpSteps === 0
      ? EMPTY
      : playPhase(run, {
          round: 0,
          phase: "warmUp",
          steps: run.warmUpSteps,
          prepare: (step) => load(step, imagesOf(step), false),
          play: (step, images) =>
            askPlainly(step, images).pipe(
              concatMap((open) => answerPlainly(step, open)),
              concatMap((spoken) => imitate(step, images.length, spoken)),
            ),
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

function askPlainly(step: Step, images: readonly LoadedImage[]): Observable<OpenQuestion[]> {
  const { config, ports } = step.run;
  const { temperature, questionsPerImage: groupSize } = config.warmUp;
  const { topK, topP } = config.questioner;
  const maxTokens = Math.min(config.questioner.maxTokens, PLAIN_TOKENS);
  const plain = { questioner: questionerTemplates.plain, format: "plain" } as const;
  const questioner = new Questioner(ports.policies.questioner, plain);
  const askAll = (some: readonly LoadedImage[], seed: number, signal: AbortSignal) =>
    questioner.ask(
      some.map(({ image }) => image),
      { groupSize, temperature, topK, topP, maxTokens, seed },
      signal,
    );
  return step
    .sample({ during: "ask", purpose: "ask" }, images, askAll)
    .pipe(
      map((asked) =>
        images.flatMap((image, i) =>
          (asked[i]?.questions ?? []).flatMap((parsed) =>
            parsed.ok ? [{ ...image, question: parsed.question }] : [],
          ),
        ),
      ),
    );
}

function answerPlainly(step: Step, open: readonly OpenQuestion[]): Observable<Spoken[]> {
  const { config, ports } = step.run;
  const { topK, topP } = config.reasoner;
  const maxTokens = Math.min(config.reasoner.maxTokens, PLAIN_TOKENS);
  const options = { samples: 1, temperature: config.warmUp.temperature, topK, topP, maxTokens };
  const plain = { reasoner: reasonerTemplates.plain, format: "plain" } as const;
  const reasoner = new Reasoner(ports.policies.reasoner, plain);
  const answerAll = (some: readonly OpenQuestion[], seed: number, signal: AbortSignal) =>
    reasoner.answer(some, { ...options, seed }, signal);
  return step.sample({ during: "answer", purpose: "answer" }, open, answerAll).pipe(
    map((given) =>
      open.map((question, i) => {
        const parsed = given[i]?.answers[0];
        const text = given[i]?.completions[0]?.text.trim() ?? "";
        const answer = parsed?.outcome === "answered" && isShort(parsed.answer) ? parsed.answer : null;
        const sentence = answer !== null && answer !== text && !/[<\n]/.test(text) ? text : null;
        return { ...question, answer, sentence };
      }),
    ),
  );
}

/** Whether it is worth imitating: what is said at length is hardly said twice in the same words. */
function isShort(answer: string): boolean {
  return answer.split(" ").length <= 6;
}

/** One supervised step of each policy on what was said, in the form and under the prompts that the run has. */
function imitate(step: Step, images: number, spoken: readonly Spoken[]): Observable<EventBody[]> {
  const { templates } = step.run.ports;
  const { format } = templates;
  const answered = spoken.flatMap((each) => (each.answer === null ? [] : [{ ...each, answer: each.answer }]));
  const questions = spoken.map(({ image, question, answer }) => ({
    prompt: questionerPrompt(image, templates),
    completion: writeQuestion(format, question, answer),
  }));
  const answers = answered.map(({ image, question, answer, sentence }) => ({
    prompt: reasonerPrompt(image, question, templates),
    completion: writeAnswer(format, answer, sentence),
  }));
  return forkJoin({
    questioner: supervise(step, "questioner", questions),
    reasoner: supervise(step, "reasoner", answers),
  }).pipe(
    map((updates): EventBody[] => [
      {
        type: "warmUpStep",
        ...step.place,
        phase: "warmUp",
        ...step.measurements(),
        images,
        asked: questions.map(({ completion }) => completion),
        answered: answers.map(({ completion }) => completion),
        updates,
      },
    ]),
  );
}

function supervise(step: Step, role: Role, examples: readonly Example[]): Observable<UpdateRecord | null> {
  if (examples.length === 0) return of(null);
  const { run } = step;
  const learningRate = run.config.warmUp.learningRate * run.warmup(role);
  return step
    .timed("update", (signal) => run.ports.policies[role].supervise(examples, { learningRate }, signal))
    .pipe(
      map((report) => {
        run.versions[role] = report.version;
        return { ...report, learningRate };
      }),
    );
}
