import { type Command, InvalidArgumentError, Option } from "commander";
import { VisplayError } from "../common/errors.ts";
import { type DataSet, isBroken } from "../data/data_set.ts";
import type { BrokenRow } from "../data/tables/table.ts";
import { embeddedSizes, imageTokens, writeNewModel } from "../policy/new_model/model_folder.ts";
import { type Vocabulary, vocabularyOf, WordCounts } from "../policy/new_model/vocabulary.ts";
import { questionerTemplates } from "../questioner/prompt.ts";
import { reasonerTemplates } from "../reasoner/prompt.ts";
import { openUserData, sayBroken } from "./data.ts";
import { count, plural } from "./format.ts";
import { interruptible } from "./interrupt.ts";
import { liveOpening } from "./live_opening.ts";
import { requireNewFolder } from "./new_output.ts";
import { names } from "./option_values.ts";
import type { Opening } from "./run_images.ts";
import { print } from "./terminal.ts";

interface Flags {
  readonly data: string;
  readonly out: string;
  readonly columns?: string;
  readonly also: readonly string[];
  readonly maxWords: number;
  readonly imageSize: number;
  readonly hidden: number;
  readonly layers: number;
  readonly seed: number;
}

/** Adds `visplay new-model`: an untrained model that has words for a data set. */
export function addNewModel(program: Command): void {
  const { hidden, layers, imageSize } = embeddedSizes;
  const number = (flags: string, about: string, otherwise: number, range: Range) =>
    new Option(flags, about).default(otherwise).argParser((text) => wholeNumber(text, range));
  program
    .command("new-model")
    .description("write an untrained model whose vocabulary is the words of a data set")
    .requiredOption("--data <data>", "whose questions and answers it is to have words for")
    .requiredOption("--out <folder>", "where to write it")
    .option("--columns <map>", "columns of the data, as question=problem,answer=solution")
    .option("--also <columns>", "further columns with words, such as chains; several with commas", names, [])
    .addOption(number("--max-words <n>", "words, at most", 4096, { from: 1, to: 2 ** 18 }))
    .addOption(
      number("--image-size <pixels>", "side of the square that it sees of a picture", imageSize, {
        from: 64,
        to: 224,
        step: 16,
      }),
    )
    .addOption(number("--hidden <n>", "width of its text model", hidden, { from: 32, to: 1024, step: 32 }))
    .addOption(number("--layers <n>", "layers of its text model", layers, { from: 1, to: 64 }))
    .addOption(number("--seed <n>", "seed of its weights", 0, { from: 0, to: 2 ** 32 - 1 }))
    .action((flags: Flags) => makeModel(flags));
}

async function makeModel(flags: Flags): Promise<void> {
  const { data, out, columns, also, imageSize, hidden, layers, seed } = flags;
  await requireNewFolder(out);
  using interrupt = interruptible();
  using opening = liveOpening(interrupt.signal);
  const set = await openUserData(data, columns ?? null, opening);
  for (const column of also) set.requireColumn(column);
  const read = await readTexts(set, also, opening);
  const { tokenizer, unknown } = vocabulary(read.counts, flags.maxWords);
  const maxTokens = { questioner: completionTokens(read.asked), reasoner: completionTokens(read.given) };
  const longest = imageTokens(imageSize) + frameTokens + read.asked + maxTokens.reasoner;
  const positions = Math.max(embeddedSizes.positions, 2 ** Math.ceil(Math.log2(longest)));
  const parameters = await writeNewModel(out, {
    tokenizer,
    sizes: { hidden, layers, imageSize, positions },
    seed,
    defaults: { prompts, maxTokens },
  });
  for (const text of unknownText(unknown, read.counts.total)) opening.say(text);
  const image = `${imageSize}x${imageSize} pixels of a picture as ${imageTokens(imageSize)} tokens`;
  print(
    `${out}: ${plural(tokenizer.words.length, "word")}, ${count(parameters)} parameters, ${image}; untrained`,
  );
}

/** What the model is told: little, as it knows no language yet. */
const prompts = { questioner: "ask .", reasoner: "{question}" };

/** Tokens of a chat template around a question and an image. */
const frameTokens = 16;

/** As many as the longest text of data needs, with tags around it. */
function completionTokens(longest: number): number {
  return Math.min(512, Math.max(32, longest + 16));
}

/** The words of data, and how many the longest question and the longest other text have. */
interface Read {
  readonly counts: WordCounts;
  readonly asked: number;
  readonly given: number;
}

/** Throws "data" where no row says anything. */
async function readTexts(set: DataSet, also: readonly string[], opening: Opening): Promise<Read> {
  const counts = new WordCounts();
  const broken: BrokenRow[] = [];
  let [asked, given] = [0, 0];
  for (let index = 0; index < set.length; index++) {
    opening.signal.throwIfAborted();
    if (index % 1000 === 0)
      opening.show(
        `reading words: ${count(index)} of ${plural(set.length, "row")}, ${count(counts.distinct)}`,
      );
    const row = await set.texts(index, also);
    if (isBroken(row)) {
      broken.push(row);
      continue;
    }
    const words = (text: string): number => counts.add(text);
    asked = Math.max(asked, ...row.asked.map(words));
    given = Math.max(given, ...row.given.map(words));
  }
  sayBroken(set.name, broken, opening.say);
  if (counts.distinct === 0)
    throw new VisplayError(
      "data",
      `${set.name}: found no text in ${plural(set.length, "row")}, expected some`,
    );
  opening.say(`${set.name}: ${plural(counts.distinct, "different word")} in ${plural(set.length, "row")}`);
  return { counts, asked, given };
}

/** Throws "config" where there is no room for what every model has to know. */
function vocabulary(counts: WordCounts, most: number): Vocabulary {
  const known = [questionerTemplates, reasonerTemplates, prompts].flatMap((texts) => Object.values(texts));
  try {
    return vocabularyOf(counts, known, most);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new VisplayError("config", `--max-words: ${error.message}`, { cause: error });
  }
}

const mostShown = 10;

/** What of the data the model has no words for. */
function unknownText(unknown: Vocabulary["unknown"], total: number): string[] {
  if (unknown.length === 0) return [];
  const times = unknown.reduce((sum, [, each]) => sum + each, 0);
  const shown = unknown
    .slice(0, mostShown)
    .map(([word, each]) => `${JSON.stringify(word.trim())} (${count(each)})`);
  const share = ((100 * times) / total).toFixed(1);
  return [
    `outside the vocabulary (--max-words): ${plural(unknown.length, "word")}, ${share}% of the text`,
    `the most frequent of them: ${shown.join(", ")}`,
  ];
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step?: number;
}

function wholeNumber(text: string, { from, to, step = 1 }: Range): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= from && value <= to && value % step === 0)
    return value;
  const kind = step === 1 ? "a whole number" : `a multiple of ${step}`;
  throw new InvalidArgumentError(`expected ${kind} from ${from} to ${to}`);
}
