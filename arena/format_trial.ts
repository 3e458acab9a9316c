import { EMPTY, type Observable } from "rxjs";
import { type AnswerFormat, answerFormats } from "../common/answer_format.ts";
import { questionerTemplates } from "../questioner/prompt.ts";
import { type AskedQuestion, Questioner } from "../questioner/questioner.ts";
import { readerTemplates, reasonerTemplates } from "../reasoner/prompt.ts";
import type { Answer } from "../reasoner/reasoner.ts";
import { voteOf } from "../reasoner/vote.ts";
import type { FormatsTried, FormatTried, RunEvent } from "../replay/events.ts";
import { type SamplingConfig, samplingOf } from "./config/learning.ts";
import { itemsAt } from "./data_order.ts";
import { answer, ask, type LoadedImage, load } from "./dialogue.ts";
import { playPhase } from "./phase.ts";
import type { Ports } from "./ports.ts";
import { isTeachable, requireReadable } from "./readability.ts";
import type { Run } from "./run.ts";
import type { Step } from "./step.ts";

/**
 * Before anything is spent: how much of what the policies write about a few images can be read, in the configured format
 * and, where its prompts are the default ones, in the others. Where little can be read in the configured one, a warm-up is
 * to teach it; ends the run with "config" where hardly anything can and its configuration wants none.
 */
export function formatTrial(run: Run): Observable<RunEvent> {
  const {
    config,
    stage: { before: round },
  } = run;
  if (config.trial.images === 0) return EMPTY;
  let formats: readonly FormatTried[] = [];
  return playPhase(run, {
    round,
    phase: "trial",
    steps: 1,
    prepare: (step) => load(step, imagesOf(run), false),
    play: async (step, images): Promise<FormatsTried[]> => {
      const tried: FormatTried[] = [];
      for (const templates of templatesToTry(run.ports.templates))
        tried.push(await tryFormat(step, images, templates));
      formats = tried;
      return [{ type: "formatsTried", round, phase: "trial", images: images.length, formats }];
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
  const { format, questioner, reasoner, describer } = configured;
  const own = questioner !== questionerTemplates[format] || reasoner !== reasonerTemplates[format];
  if (own) return [configured];
  const others = answerFormats.filter((each) => each !== format);
  return [configured, ...others.map((each) => templatesOf(each, describer))];
}

function templatesOf(format: AnswerFormat, describer: string): Templates {
  return {
    questioner: questionerTemplates[format],
    reasoner: reasonerTemplates[format],
    describer,
    reader: readerTemplates[format],
    format,
  };
}

/** What is asked about an image about which the Questioner asked nothing that can be read. */
const anyQuestion = "What is the main thing in this picture?";

/** Both policies speak about every image under some templates; the Reasoner about what the Questioner asked. */
async function tryFormat(
  step: Step,
  images: readonly LoadedImage[],
  templates: Templates,
): Promise<FormatTried> {
  const { config } = step.run;
  const { format } = templates;
  const { completions } = config.trial;
  const questioner = new Questioner(step.run.policy("questioner"), templates);
  const reasoner = step.run.reasoner.under(templates);
  const asking = { ...shorten(config.questioner), groupSize: completions };
  const asked = await ask(step, images, asking, questioner, { purpose: `ask.${format}` });
  const open = images.map((image) => {
    const about = asked.find(({ ref }) => ref === image.ref);
    return about?.questions.find((each) => each.open)?.open ?? { ...image, question: anyQuestion };
  });
  const answering = { ...shorten(config.reasoner), samples: completions };
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

function shorten(config: SamplingConfig): SamplingConfig {
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
