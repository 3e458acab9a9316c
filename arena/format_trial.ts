import { EMPTY, type Observable } from "rxjs";
import { type AnswerFormat, answerFormats } from "../common/answer_format.ts";
import { VisplayError } from "../common/errors.ts";
import { questionerTemplates } from "../questioner/prompt.ts";
import { type AskedQuestion, Questioner } from "../questioner/questioner.ts";
import { reasonerTemplates } from "../reasoner/prompt.ts";
import { type Answer, Reasoner } from "../reasoner/reasoner.ts";
import { voteOf } from "../reasoner/vote.ts";
import type { FormatsTried, FormatTried, RunEvent } from "../replay/events.ts";
import type { SamplingConfig } from "./config/learning.ts";
import { unaskedSteps } from "./config/start.ts";
import { itemsAt } from "./data_order.ts";
import { answer, ask, type LoadedImage, load, samplingOf } from "./dialogue.ts";
import { playPhase } from "./phase.ts";
import type { Ports } from "./ports.ts";
import type { Run } from "./run.ts";
import type { Step } from "./step.ts";

/**
 * Before anything is spent: how much of what the policies write about a few images can be read, in the configured format
 * and, where its prompts are the default ones, in the others. Where little can be read in the configured one, a warm-up is
 * to teach it; ends the run with "config" where hardly anything can and its configuration wants none.
 */
export function formatTrial(run: Run): Observable<RunEvent> {
  const { config } = run;
  if (config.trial.images === 0) return EMPTY;
  let formats: readonly FormatTried[] = [];
  return playPhase(run, {
    round: 0,
    phase: "trial",
    steps: 1,
    prepare: (step) => load(step, imagesOf(run), false),
    play: async (step, images): Promise<FormatsTried[]> => {
      const tried: FormatTried[] = [];
      for (const templates of templatesToTry(run.ports.templates))
        tried.push(await tryFormat(step, images, templates));
      formats = tried;
      run.warmUpSteps = config.warmUp.steps ?? (isReadable(tried[0], ENOUGH) ? 0 : unaskedSteps);
      return [{ type: "formatsTried", round: 0, phase: "trial", images: images.length, formats }];
    },
    conclude: () => {
      if (config.warmUp.steps === 0 || (config.warmUp.steps === null && !isTeachable(formats))) {
        requireReadable(formats);
      }
      return [];
    },
  });
}

function imagesOf(run: Run): number[] {
  const { config, ports } = run;
  const count = Math.min(config.trial.images, ports.images.length);
  return itemsAt(run.seed("trial.images"), 0, count, ports.images.length);
}

type Templates = Ports["templates"];

/** The configured templates, and, where they are a format's own, those of the other formats. */
function templatesToTry(configured: Templates): Templates[] {
  const { format, questioner, reasoner } = configured;
  const own = questioner !== questionerTemplates[format] || reasoner !== reasonerTemplates[format];
  if (own) return [configured];
  const others = answerFormats.filter((each) => each !== format);
  return [configured, ...others.map(templatesOf)];
}

function templatesOf(format: AnswerFormat): Templates {
  return { questioner: questionerTemplates[format], reasoner: reasonerTemplates[format], format };
}

/** What is asked about an image about which the Questioner asked nothing that can be read. */
const anyQuestion = "What is the main thing in this picture?";

/** Both policies speak about every image under some templates; the Reasoner about what the Questioner asked. */
async function tryFormat(
  step: Step,
  images: readonly LoadedImage[],
  templates: Templates,
): Promise<FormatTried> {
  const { config, ports } = step.run;
  const { format } = templates;
  const { completions } = config.trial;
  const questioner = new Questioner(ports.policies.questioner, templates);
  const reasoner = new Reasoner(ports.policies.reasoner, templates);
  const asking = { ...shortened(config.questioner), groupSize: completions };
  const asked = await ask(step, images, asking, questioner, { purpose: `ask.${format}` });
  const open = images.map((image) => {
    const about = asked.find(({ ref }) => ref === image.ref);
    return about?.questions.find((each) => each.open)?.open ?? { ...image, question: anyQuestion };
  });
  const answering = { ...shortened(config.reasoner), samples: completions };
  const given = await answer(step, open, answering, { purpose: `answer.${format}` }, reasoner);
  const questions = asked.flatMap((about) => about.questions);
  const answers = [...given.values()].flatMap((each) => each.answers);
  return {
    format,
    questions: tally(questions, ({ parsed }) => parsed.ok),
    answers: tally(answers, ({ parsed }) => voteOf(parsed) !== null),
  };
}

/** Tokens after which a completion counts as unread: few reach that and mean something, and all wait for the longest. */
const TRIAL_TOKENS = 256;

function shortened(config: SamplingConfig): SamplingConfig {
  return { ...samplingOf(config), maxTokens: Math.min(config.maxTokens, TRIAL_TOKENS) };
}

/** In how many completions something was found. */
function tally<T extends AskedQuestion | Answer>(
  all: readonly T[],
  isFound: (each: T) => boolean,
): FormatTried["answers"] {
  const unread = all.find((each) => !isFound(each))?.completion.text ?? null;
  return { of: all.length, found: all.filter(isFound).length, unread };
}

/** Shares of questions, and of answers, that must be read for a run to make sense, and for it to need no warm-up. */
const LEAST = 1 / 4;
const ENOUGH = 1 / 2;

function isReadable(tried: FormatTried | undefined, share: number): boolean {
  return tried === undefined || leastShare(tried) >= share;
}

/** Whether a warm-up would find plain words to imitate, as far as that was tried. */
function isTeachable(formats: readonly FormatTried[]): boolean {
  const plain = formats.find(({ format }) => format === "plain");
  return isReadable(plain, LEAST);
}

function requireReadable(formats: readonly FormatTried[]): void {
  const [configured, ...others] = formats;
  if (!configured || isReadable(configured, LEAST)) return;
  const best = others.reduce((a, b) => (leastShare(b) > leastShare(a) ? b : a), configured);
  const { questions, answers } = configured;
  const poor = answers.found / answers.of < questions.found / questions.of ? answers : questions;
  const teach = isTeachable(formats) ? "teach the form with warmUp.steps (20, say), or " : "";
  const remedy =
    leastShare(best) < LEAST
      ? `${teach}change the model, prompts or maxTokens`
      : `${teach}set format to ${best.format} (${told(best)})`;
  throw new VisplayError(
    "config",
    `format ${configured.format}: ${told(configured)} can be read, expected a quarter of each; ${remedy}. What could not be read: ${JSON.stringify(poor.unread?.slice(0, 300))}`,
  );
}

function leastShare({ questions, answers }: FormatTried): number {
  return Math.min(questions.found / Math.max(1, questions.of), answers.found / Math.max(1, answers.of));
}

function told({ questions, answers }: FormatTried): string {
  return `${questions.found} of ${questions.of} questions and ${answers.found} of ${answers.of} answers`;
}
