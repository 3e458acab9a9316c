import { deriveSeed } from "../../common/random.ts";
import type { RgbImage } from "../../images/image.ts";
import type { ReadTurn } from "../../policy/port.ts";
import { imagesIn, isImagePart } from "../../policy/prompts.ts";
import type { Parts } from "../../rewards/parts.ts";
import type { Environment, Outcome } from "../../training/environment.ts";
import { closeTools, type Tool, ToolFault, type ToolFaultKind } from "./tool.ts";
import { callIn, callTags, type ToolCall } from "./tool_call.ts";
import { faultAnswer, type ToolAnswer, type ToolLimits, ToolRunner } from "./tool_runner.ts";
import { toolSection } from "./tool_section.ts";

export interface ToolOptions extends ToolLimits {
  /** What the prompt says of the tools; null: `toolSection`. */
  readonly section: string | null;
  /** Calls in a trajectory, at most. */
  readonly maxCalls: number;
  /** λ: what a call costs, times what `prices` says of its tool (1 where that says nothing). */
  readonly price: number;
  readonly prices: Readonly<Record<string, number>>;
  /** The first so many calls of a trajectory cost nothing. */
  readonly freeCalls: number;
  /** What a call that goes wrong costs beside that. */
  readonly faultPrice: number;
  /** What is earned where a trajectory succeeds in which a call went well. */
  readonly bonus: number;
}

/** Where a trajectory with tools stands. */
interface ToolState {
  /** Of the environment within. */
  readonly own: unknown;
  readonly seed: number;
  /** What the policy was shown, in order. */
  readonly images: readonly RgbImage[];
  /** What it called, in order, and how that went. */
  readonly calls: readonly MadeCall[];
}

/** A call that was made. */
interface MadeCall extends ToolCall {
  readonly fault: ToolFaultKind | null;
}

/** What stands around a tool's answer. */
const responseTags = { open: "<tool_response>", close: "</tool_response>" } as const;

/**
 * An environment in which the policy may call tools before it acts. Its prompt begins with what the tools are; a turn that
 * ends with a call is answered by the tool, or by what is wrong with the call; any other turn is the environment's own.
 *
 * Earned beside the environment's parts: `toolCalls`, minus what the calls cost; `toolFaults`, minus what those cost that went
 * wrong; and, where the trajectory succeeds and a call went well, `toolSuccess`. The tools are let go with it.
 */
export function withTools(
  environment: Environment,
  tools: readonly Tool[],
  options: ToolOptions,
): Environment {
  const runner = new ToolRunner(tools, options);
  const text = options.section ?? toolSection(tools);
  const section: readonly ReadTurn[] = text === "" ? [] : [{ role: "system", parts: [text] }];
  const { demonstrate } = environment;
  return {
    name: environment.name,
    tasks: environment.tasks,
    stopTexts: [callTags.close],
    /** Pictures are whole: tools look at what the policy saw smaller. */
    async reset(task, given) {
      const start = await environment.reset(task, { ...given, fit: () => null });
      const state = { own: start.state, seed: given.seed, images: imagesIn(start.turns), calls: [] };
      return { ...start, turns: [...section, ...start.turns], state };
    },
    async step(given, action, signal): Promise<Outcome> {
      const state = given as ToolState;
      const asked = attempt(() => callIn(action.text));
      if (asked === null) return afterTurn(state, await environment.step(state.own, action, signal), options);
      const { parts, fault } = await answerTo(asked, state, signal);
      const call: MadeCall = { ...(asked instanceof ToolFault ? noCall : asked), fault };
      const images = [...state.images, ...parts.filter(isImagePart)];
      return {
        turns: [{ role: "tool", parts: [responseTags.open, ...parts, responseTags.close] }],
        state: { ...state, images, calls: [...state.calls, call] },
        parts: costOf(call, state.calls.length, options),
        call: { tool: call.name, fault },
      };
    },
    ...(demonstrate && {
      demonstrate: (given, turn, signal) => demonstrate((given as ToolState).own, turn, signal),
    }),
    async [Symbol.asyncDispose]() {
      await environment[Symbol.asyncDispose]();
      await closeTools(tools);
    },
  };

  async function answerTo(
    asked: ToolCall | ToolFault,
    { images, seed, calls }: ToolState,
    signal: AbortSignal = never,
  ): Promise<ToolAnswer> {
    if (asked instanceof ToolFault) return faultAnswer(asked);
    const { maxCalls } = options;
    if (calls.length >= maxCalls)
      return faultAnswer(new ToolFault("notAllowed", `all ${maxCalls} calls were made; answer now`));
    const before = calls.filter(({ name, fault }) => name === asked.name && fault === null);
    return runner.answer(asked, {
      images,
      before: before.map((each) => each.arguments),
      seed: deriveSeed(seed, "tool"),
      signal,
    });
  }
}

/** What could not be read as a call. */
const noCall: ToolCall = { name: "", arguments: null };

/** Nobody aborts it. */
const never = new AbortController().signal;

/** What the environment's own turn led to. */
function afterTurn(state: ToolState, outcome: Outcome, { bonus }: ToolOptions): Outcome {
  if (outcome.turns !== null) {
    const images = [...state.images, ...imagesIn(outcome.turns)];
    return { ...outcome, state: { ...state, own: outcome.state, images } };
  }
  const isEarned = outcome.success && state.calls.some(({ fault }) => fault === null);
  return outcome.parts && isEarned && bonus !== 0
    ? { ...outcome, parts: { ...outcome.parts, toolSuccess: bonus } }
    : outcome;
}

/** What the `number`-th call of a trajectory costs. */
function costOf({ name, fault }: MadeCall, number: number, options: ToolOptions): Parts {
  const { price, prices, freeCalls, faultPrice } = options;
  const cost = number < freeCalls ? 0 : price * (prices[name] ?? 1);
  return { toolCalls: 0 - cost, toolFaults: fault === null ? 0 : 0 - faultPrice };
}

function attempt(read: () => ToolCall | null): ToolCall | ToolFault | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ToolFault) return error;
    throw error;
  }
}
