import { callTags } from "../common/tool_call.ts";
import type { RgbImage } from "../images/image.ts";
import type { ImageFile } from "../images/source.ts";
import { type ReasonerTemplates, reasonerText } from "../reasoner/prompt.ts";
import { answerReader } from "../reasoner/reasoner.ts";
import { writeAnswer } from "../reasoner/write.ts";
import { writtenIn } from "../reasoner/written.ts";
import type { Environment, ResetOptions } from "../training/environment.ts";
import type { Rewarder, Task } from "./task_reward.ts";

/** A question about pictures whose true answers are known. */
export interface KnownQuestion {
  /** Of its pictures, for people. */
  readonly name: string;
  readonly images: readonly [RgbImage, ...RgbImage[]];
  readonly question: string;
  /** Any of them is right. */
  readonly truths: readonly string[];
  /** The thinking that leads to the first; null where nobody says. */
  readonly chain: string | null;
  /** What is in the pictures, as plain data, by which what is said of them is judged; default: nobody knows. */
  readonly truth?: unknown;
  /** The file of its only picture; null where that was drawn, or changed. */
  readonly file: ImageFile | null;
}

/** What the answer to one is held against. */
interface QuestionState extends Task, Pick<KnownQuestion, "chain" | "truth"> {}

/** A set of such questions. */
export interface KnownQuestions {
  /** Of all of it, for people. */
  readonly name: string;
  readonly length: number;
  /** One of them; rejects as `Environment.reset` does. */
  at(index: number, options: ResetOptions): Promise<KnownQuestion>;
  /** How right what is said of pictures with such a `truth` is, 0 to 1; not all can tell. */
  understanding?(truth: unknown, said: string): number;
}

/** The environment whose trajectories are one answer to a question, asked as a Reasoner is. */
export function questionEnvironment(
  { name, length, at, understanding }: KnownQuestions,
  templates: ReasonerTemplates,
  reward: Rewarder,
): Environment {
  const read = answerReader(templates);
  return {
    name,
    tasks: length,
    async reset(task, options) {
      const { name, images, question, truths, chain, truth, file } = await at(task, options);
      const state: QuestionState = { question, truths, chain, truth, image: images[0] };
      return {
        turns: [{ role: "user", parts: [...images, reasonerText(question, templates)] }],
        state,
        name,
        question,
        label: truths.join(" | "),
        file,
      };
    },
    async step(state, action) {
      const task = state as Task;
      const [answer] = read(task.question, [action]);
      if (!answer) throw new RangeError("an action without an answer to read");
      const { parts, correctness } = await reward(task, answer);
      return { turns: null, parts, success: correctness === 1 };
    },
    async demonstrate(state) {
      const { truths, chain } = state as QuestionState;
      return writeAnswer(templates.format, truths[0] ?? "", chain);
    },
    ...(understanding && {
      understanding: async (state, text) =>
        understanding((state as QuestionState).truth, saidOfPicture(text)),
    }),
    async [Symbol.asyncDispose]() {},
  };
}

/** What is said before anything is done: before a call of a tool, or the answer. */
function saidOfPicture(text: string): string {
  const call = text.indexOf(callTags.open);
  return call < 0 ? writtenIn(text).chain : text.slice(0, call);
}
