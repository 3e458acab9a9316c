import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import type { RunConfig, RunSettings } from "../arena/config/config.ts";
import { type AnswerFormat, answerFormats } from "../common/answer_format.ts";
import { VisplayError } from "../common/errors.ts";
import { groupBy } from "../common/group_by.ts";
import { deriveSeed } from "../common/random.ts";
import { decodeImage, defaultLimits, readImage } from "../images/decode.ts";
import { claimedFormat } from "../images/format.ts";
import type { RgbImage } from "../images/image.ts";
import { shrinkTarget } from "../images/scaling.ts";
import { Tokenizer } from "../policy/chat/tokenizer.ts";
import { ActivityView } from "../policy/embedded/activity.ts";
import type { Completion, Policy, Turn } from "../policy/port.ts";
import { newTape } from "../policy/token_tape.ts";
import {
  type ReasonerTemplates,
  reasonerTemplates,
  reasonerText,
  requirePlaces,
} from "../reasoner/prompt.ts";
import { type Answer, answerReader } from "../reasoner/reasoner.ts";
import { AnswerStream } from "./answer_stream.ts";
import { plural } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { openModel, type WithModel } from "./model.ts";
import { openRunPolicy } from "./open.ts";
import { nonNegative, positive } from "./option_values.ts";
import { addSettings } from "./options.ts";
import { runSettings } from "./run_settings.ts";
import { draw, isTerminal, print, say, screenText } from "./terminal.ts";

interface Flags {
  readonly temperature: number;
  readonly samples: number;
  readonly maxTokens?: number;
  readonly format?: AnswerFormat;
  readonly json?: true;
}

/** Adds `visplay ask`: questions about pictures. */
export function addAsk(program: Command): void {
  const command = program
    .command("ask")
    .argument(
      "<pictures and question...>",
      "pictures and a question about them; more of both go on from there",
    )
    .description("ask a model about pictures; in a terminal the answer appears as it is written");
  const layers = addSettings(command, ["model", "device", "seed"]);
  command
    .option("--temperature <t>", "0 gives the likeliest answer", nonNegative, 0)
    .option("--samples <k>", "answers", positive, 1)
    .option("--max-tokens <n>", "tokens of an answer, at most (default: the model's)", positive)
    .addOption(
      new Option(
        "--format <name>",
        "ask as a run of this format does (default: the question as it is, unless the model says otherwise)",
      ).choices(answerFormats),
    )
    .option("--json", "print JSON, with the answer that is read in the text")
    .action((given: readonly string[], flags: Flags) =>
      ask(questionsIn(given), flags, runSettings(layers())),
    );
}

/** A question, and the pictures that are shown with it. */
interface Question {
  readonly images: readonly string[];
  readonly question: string;
}

/** Pictures are files, or named like them; what else is given is a question about all that were shown. Throws "usage". */
function questionsIn(given: readonly string[]): Question[] {
  const questions: Question[] = [];
  let images: string[] = [];
  for (const each of given) {
    if (existsSync(each) || claimedFormat(each)) images.push(each);
    else if (each.trim() === "") throw new VisplayError("usage", "found an empty question");
    else {
      questions.push({ images, question: each });
      images = [];
    }
  }
  if (images.length === 0) return questions;
  throw new VisplayError("usage", `found no question behind ${images.join(", ")}, expected one`);
}

async function ask(questions: readonly Question[], flags: Flags, settings: RunSettings): Promise<void> {
  requireSense(questions, flags);
  const { temperature, samples, json } = flags;
  using interrupt = interruptible();
  const model = await openModel(settings, interrupt.signal);
  const { config, base } = model;
  const activity = new ActivityView();
  using line = new LiveLine(() => doing(activity));
  // One conversation is no work to share out.
  const alone = { ...model, config: { ...config, replicas: 1 } };
  await using policy = await openRunPolicy(alone, "reasoner", activity);
  const tokenizer = isTerminal() && samples === 1 && !json ? await Tokenizer.load(base) : null;
  const templates = templatesFor(model, flags.format);
  requirePlaces("reasoner", templates.reasoner, ["question"]);
  const read = answerReader(templates);
  const maxTokens = flags.maxTokens ?? config.reasoner.maxTokens;
  const { topK, topP } = config.reasoner;
  const goesOn = questions.length > 1;
  const options = { groupSize: samples, temperature, topK, topP, maxTokens, goesOn };
  const write = (text: string): void => {
    line[Symbol.dispose]();
    draw(screenText(text));
  };

  const turns: Turn[] = [];
  const answered: Answered[] = [];
  for (const [k, { images, question }] of questions.entries()) {
    const pictures: RgbImage[] = [];
    for (const image of images) pictures.push(await load(image, policy, model));
    turns.push({ role: "user", parts: [...pictures, reasonerText(question, templates)] });
    if (!json && questions.length > 1) write(`> ${question}\n`);
    const tape = newTape(maxTokens);
    using stream = tokenizer && new AnswerStream(tape, (tokens) => tokenizer.decode(tokens, true), write);
    const seed = k === 0 ? config.seed : deriveSeed(config.seed, "turn", k);
    const [completions = []] = await policy.sample([{ turns }], { ...options, seed, tape }, interrupt.signal);
    const answers = read(question, completions);
    answered.push({ images, question, answers });
    line[Symbol.dispose]();
    if (stream) stream.end(`${completions[0]?.text}\n`);
    else if (!json) print(textOf(answers));
    sayCut(answers, maxTokens);
    turns.push({ role: "assistant", tokens: (completions[0] as Completion).tokens });
  }
  if (json) print(JSON.stringify(jsonOf(answered, flags, config)));
}

/** Throws "config" where several answers would be the same one, or nobody could say which of them the next question is about. */
function requireSense(questions: readonly Question[], { samples, temperature }: Flags): void {
  if (samples === 1) return;
  const problem =
    temperature === 0
      ? "at temperature 0 would be the same answer each time; give a --temperature above 0"
      : "with several questions: found no answer to go on from; ask one question";
  if (temperature === 0 || questions.length > 1)
    throw new VisplayError("config", `--samples ${samples} ${problem}`);
}

function sayCut(answers: readonly Answer[], maxTokens: number): void {
  const cut = answers.filter(({ completion }) => completion.finishReason === "length").length;
  if (cut > 0)
    say(`cut off after ${maxTokens} tokens (--max-tokens): ${cut} of ${plural(answers.length, "answer")}`);
}

/** How a run of a format asks, or the question alone; what the settings or the model's folder say goes before that. */
function templatesFor({ config, prompts }: WithModel, format?: AnswerFormat): ReasonerTemplates {
  const otherwise = format ? reasonerTemplates[format] : "{question}";
  return {
    reasoner: config.prompts.reasoner ?? prompts.reasoner ?? otherwise,
    format: format ?? config.format,
  };
}

async function load(path: string, policy: Policy, { config }: WithModel): Promise<RgbImage> {
  const limits = { ...defaultLimits, maxPixels: config.images.maxPixels };
  const { scaling } = await policy.info();
  const bytes = await readImage(path, path, limits);
  return decodeImage(bytes, path, limits, (size) => shrinkTarget(scaling, size));
}

/** What takes so long. */
function doing({ now }: ActivityView): string {
  if (!now) return "opening the model";
  return now.kind === "encoding"
    ? `looking at tiles: ${now.done} of ${now.total}`
    : `answering: ${plural(now.tokens, "token")}`;
}

/** The answer, or all of several and how often each was given. */
function textOf(answers: readonly Answer[]): string {
  const texts = answers.map(({ completion }) => completion.text);
  if (texts.length === 1) return texts[0] as string;
  const said = groupBy(answers, (answer) => readIn(answer) ?? "no answer");
  const counts = [...said]
    .map(([answer, { length }]) => ({ answer, length }))
    .sort((a, b) => b.length - a.length);
  const votes = counts.map(({ answer, length }) => `${answer} (${length} of ${texts.length})`);
  return [...texts.map((text, i) => `${i + 1}: ${text}`), "", votes.join(", ")].join("\n");
}

interface Answered extends Question {
  readonly answers: readonly Answer[];
}

function jsonOf(answered: readonly Answered[], { temperature }: Flags, { model, seed }: RunConfig) {
  const turns = answered.map(({ images, question, answers }) => ({
    images,
    question,
    answers: answers.map((answer) => ({
      text: answer.completion.text,
      outcome: answer.parsed.outcome,
      answer: readIn(answer),
      tokens: answer.completion.tokens.length,
      finishReason: answer.completion.finishReason,
    })),
  }));
  return { model: model.name, temperature, seed, turns };
}

/** The answer that is read in a completion; null where there is none. */
function readIn({ parsed }: Answer): string | null {
  return parsed.outcome === "answered" ? parsed.answer : null;
}
