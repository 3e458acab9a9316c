import { deriveSeed } from "../common/random.ts";
import { zip } from "../common/zip.ts";
import { withTools } from "../environments/tools/tool_environment.ts";
import type { Toolkit } from "../environments/tools/toolkit.ts";
import type { Policy } from "../policy/port.ts";
import type { FirstPrompt } from "../policy/prompts.ts";
import type { ParsedAnswer } from "../reasoner/parse.ts";
import type { ReasonerTemplates } from "../reasoner/prompt.ts";
import {
  type Answer,
  type AnswerOptions,
  type AnswerReader,
  answerReader,
  Reasoner,
  type VisualQuestion,
} from "../reasoner/reasoner.ts";
import { isVerified } from "../replay/turns.ts";
import { type Environment, type OfferedTools, promptOf } from "../training/environment.ts";
import { rollOut, type Trajectory } from "../training/rollout.ts";
import { isolateFailures } from "./isolate_failures.ts";
import { turnSampler } from "./turn_sampler.ts";

/** Tools that may be called before a question is answered. */
export interface AnswerTools {
  readonly toolkit: Toolkit;
  /** Turns of a trajectory, at most. */
  readonly maxTurns: number;
  /** Whether the policy's chat template can tell of tools. */
  readonly hasToolForm: boolean;
}

/** An answer as it was given in the end. */
export interface GivenAnswer extends Answer {
  /** All that was said and read before that; null where nothing could be called. */
  readonly trajectory: Trajectory | null;
  /** Whether a tool that was called helped; absent where nothing could be called. */
  readonly verified?: boolean;
}

/** The answers to one question. */
export interface GivenAnswers {
  /** The very prompt to train on. */
  readonly prompt: FirstPrompt;
  /** What could be called; null for nothing. */
  readonly tools: OfferedTools | null;
  /** [m]. */
  readonly answers: readonly GivenAnswer[];
}

/**
 * The Reasoner as it is asked anywhere in a stage: in one turn, or, where the stage has tools, in trajectories, whose last turn
 * is the answer. Difficulty, labels, training and evaluation all go through it, so that what is measured is what is trained.
 */
export class Answerer {
  readonly #policy: Policy;
  readonly #tools: AnswerTools | null;
  readonly #reasoner: Reasoner;
  readonly #read: AnswerReader;

  constructor(policy: Policy, templates: ReasonerTemplates, tools: AnswerTools | null) {
    this.#policy = policy;
    this.#tools = tools;
    this.#reasoner = new Reasoner(policy, templates);
    this.#read = answerReader(templates);
  }

  /** The same under other words. */
  under(templates: ReasonerTemplates): Answerer {
    return new Answerer(this.#policy, templates, this.#tools);
  }

  /** The prompt of a question; throws a `VisplayError` of code "config" if the template has no `{question}`. */
  prompt(question: VisualQuestion): FirstPrompt {
    const prompt = this.#reasoner.prompt(question);
    if (!this.#tools) return prompt;
    const { toolkit, hasToolForm } = this.#tools;
    return promptOf(toolkit.tell(prompt.turns, hasToolForm));
  }

  /** m answers to each question, [questions]; a malformed one is an outcome, not an error. */
  async answer(
    questions: readonly VisualQuestion[],
    options: AnswerOptions,
    signal?: AbortSignal,
  ): Promise<GivenAnswers[]> {
    if (this.#tools) return this.#act(questions, options, this.#tools, signal);
    const given = await this.#reasoner.answer(questions, options, signal);
    return given.map(({ prompt, answers }) => {
      return { prompt, tools: null, answers: answers.map((answer) => ({ ...answer, trajectory: null })) };
    });
  }

  async #act(
    questions: readonly VisualQuestion[],
    { samples, ...sampling }: AnswerOptions,
    { toolkit, maxTurns, hasToolForm }: AnswerTools,
    signal?: AbortSignal,
  ): Promise<GivenAnswers[]> {
    const { seed } = sampling;
    const environment = withTools(this.#asked(questions), toolkit);
    const starts = await Promise.all(
      questions.map((_, i) =>
        environment.reset(i, { seed: deriveSeed(seed, "task", i), fit: () => null, hasToolForm }),
      ),
    );
    const spoken = { ...sampling, maxTurns };
    const sample = turnSampler(this.#policy, environment, spoken, (asked, turn, call) => {
      const speak = (some: typeof asked, own: number) => call(some, own, signal);
      // A question that the model cannot take is the caller's affair; a conversation that outgrows it is not.
      if (turn === 0) return speak(asked, seed);
      return isolateFailures(asked, deriveSeed(seed, "turn", turn), speak, () => {});
    });
    const beginnings = starts.map((start) => ({ prompt: promptOf(start), state: start.state }));
    const limits = { groupSize: samples, maxTurns, ...(signal && { signal }) };
    const groups = await rollOut(beginnings, environment, sample, limits);
    return zip(zip(questions, starts), groups).map(([[{ question }, start], trajectories]) => ({
      prompt: promptOf(start),
      tools: start.tools ?? null,
      answers: this.#answersIn(question, trajectories ?? []),
    }));
  }

  #answersIn(question: string, trajectories: readonly Trajectory[]): GivenAnswer[] {
    const read = this.#read(
      question,
      trajectories.map(({ last }) => last),
    );
    return zip(trajectories, read).map(([trajectory, { parsed }]) => ({
      completion: trajectory.completion,
      parsed: trajectory.end === "done" ? parsed : unanswered,
      trajectory,
      verified: isVerified(trajectory),
    }));
  }

  /** Questions as tasks that any turn ends which calls no tool; nobody knows there what is right. */
  #asked(questions: readonly VisualQuestion[]): Environment {
    return {
      name: "questions",
      tasks: questions.length,
      reset: async (task) => {
        const asked = questions[task] as VisualQuestion;
        const { turns } = this.#reasoner.prompt(asked);
        return { turns, state: null, name: "", question: asked.question, label: null, file: null };
      },
      step: async () => ({ turns: null, parts: {}, success: false }),
      async [Symbol.asyncDispose]() {},
    };
  }
}

/** A trajectory that came to its end before it answered. */
const unanswered: ParsedAnswer = { outcome: "unparsed", reason: "no_answer", format: 0 };
