import { type Command, InvalidArgumentError, Option } from "commander";
import type { RunSettings } from "../arena/config/config.ts";
import { type AnswerFormat, answerFormats } from "../common/answer_format.ts";
import { VisplayError } from "../common/errors.ts";
import { groupBy } from "../common/group_by.ts";
import { decodeImage, defaultLimits, readImage } from "../images/decode.ts";
import type { RgbImage } from "../images/image.ts";
import { shrinkTarget } from "../images/scaling.ts";
import { Tokenizer } from "../policy/chat/tokenizer.ts";
import { ActivityView } from "../policy/embedded/activity.ts";
import type { Policy } from "../policy/port.ts";
import { newTape, type TokenTape } from "../policy/token_tape.ts";
import { type ReasonerTemplates, reasonerTemplates } from "../reasoner/prompt.ts";
import { type Answer, Reasoner } from "../reasoner/reasoner.ts";
import { AnswerStream } from "./answer_stream.ts";
import { plural } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { LiveLine } from "./live_line.ts";
import { openModel, type WithModel } from "./model.ts";
import { openRunPolicy } from "./open.ts";
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

/** Adds `visplay ask`: a question about a picture. */
export function addAsk(program: Command): void {
  const command = program
    .command("ask")
    .argument("<image>", "a picture")
    .argument("<question>", "what to ask about it", notEmpty)
    .description("ask a model about a picture; in a terminal the answer appears as it is written");
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
    .action((image: string, question: string, flags: Flags) =>
      ask({ image, question, ...flags }, runSettings(layers())),
    );
}

function notEmpty(text: string): string {
  if (text.trim() !== "") return text;
  throw new InvalidArgumentError("expected a question");
}

function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("expected a number from 0");
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a whole number from 1");
}

interface Asked extends Flags {
  readonly image: string;
  readonly question: string;
}

async function ask(asked: Asked, settings: RunSettings): Promise<void> {
  const { temperature, samples, json } = asked;
  if (samples > 1 && temperature === 0) {
    const found = `--samples ${samples} at temperature 0 would be the same answer each time`;
    throw new VisplayError("config", `${found}; give a --temperature above 0`);
  }
  using interrupt = interruptible();
  const model = await openModel(settings, interrupt.signal);
  const activity = new ActivityView();
  using line = new LiveLine(() => doing(activity));
  // One question is no work to share out.
  const alone = { ...model, config: { ...model.config, replicas: 1 } };
  await using policy = await openRunPolicy(alone, "reasoner", activity);
  const image = await load(asked.image, policy, model);
  const maxTokens = asked.maxTokens ?? model.config.reasoner.maxTokens;
  const tape = newTape(maxTokens);
  const write = (part: string): void => {
    line[Symbol.dispose]();
    draw(screenText(part));
  };
  using stream = isTerminal() && samples === 1 && !json ? await streamOf(model.base, tape, write) : null;
  const { topK, topP } = model.config.reasoner;
  const options = { samples, temperature, topK, topP, maxTokens, seed: model.config.seed, tape };
  const reasoner = new Reasoner(policy, templatesFor(model, asked.format));
  const [given] = await reasoner.answer([{ image, question: asked.question }], options, interrupt.signal);
  const answers = given?.answers ?? [];
  line[Symbol.dispose]();
  if (json) print(JSON.stringify(jsonOf(asked, model, answers)));
  else if (stream) stream.end(`${answers[0]?.completion.text}\n`);
  else print(textOf(answers));
  const cut = answers.filter(({ completion }) => completion.finishReason === "length").length;
  if (cut > 0)
    say(`cut off after ${maxTokens} tokens (--max-tokens): ${cut} of ${plural(samples, "answer")}`);
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

async function streamOf(
  folder: string,
  tape: TokenTape,
  write: (part: string) => void,
): Promise<AnswerStream> {
  const tokenizer = await Tokenizer.load(folder);
  return new AnswerStream(tape, (tokens) => tokenizer.decode(tokens, true), write);
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

function jsonOf({ image, question, temperature }: Asked, { config }: WithModel, answers: readonly Answer[]) {
  const said = answers.map((answer) => ({
    text: answer.completion.text,
    outcome: answer.parsed.outcome,
    answer: readIn(answer),
    tokens: answer.completion.tokens.length,
    finishReason: answer.completion.finishReason,
  }));
  return { model: config.model.name, image, question, temperature, seed: config.seed, answers: said };
}

/** The answer that is read in a completion; null where there is none. */
function readIn({ parsed }: Answer): string | null {
  return parsed.outcome === "answered" ? parsed.answer : null;
}
