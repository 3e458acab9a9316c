import { deriveSeed } from "../../common/random.ts";
import { responseTags, type ToolCall, UnreadableCall } from "../../common/tool_call.ts";
import type { RgbImage } from "../../images/image.ts";
import type { TurnPart } from "../../policy/port.ts";
import { imagesIn, isImagePart } from "../../policy/prompts.ts";
import type { Environment, Outcome } from "../../training/environment.ts";
import { ToolFault } from "./tool.ts";
import { faultAnswer, type ToolAnswer } from "./tool_runner.ts";
import type { MadeCall, Toolkit } from "./toolkit.ts";

/** Where a trajectory with tools stands. */
interface ToolState {
  /** Of the environment within. */
  readonly own: unknown;
  readonly seed: number;
  /** Whether the chat template puts tags around answers. */
  readonly tagsAnswers: boolean;
  /** What the policy was shown, in order. */
  readonly images: readonly RgbImage[];
  /** What it called, in order, and how that went. */
  readonly calls: readonly MadeCall[];
}

/**
 * An environment in which the policy may call tools before it acts. Its chat template tells what the tools are, or a turn that
 * its prompt begins with; a turn that ends with a call is answered by the tool, or by what is wrong with the call; any other
 * turn is the environment's own.
 *
 * Earned beside the environment's parts: `toolCalls`, minus what the calls cost; `toolFaults`, minus what those cost that went
 * wrong; and, where the trajectory succeeds and a call went well, `toolSuccess`. The tools stay open.
 */
export function withTools(environment: Environment, toolkit: Toolkit): Environment {
  const { demonstrate, understanding, constraints } = environment;
  return {
    name: environment.name,
    tasks: environment.tasks,
    stopTexts: toolkit.stopTexts,
    ...(constraints && { constraints }),
    /** Pictures are whole: tools look at what the policy saw smaller. */
    async reset(task, given) {
      const start = await environment.reset(task, { ...given, fit: () => null });
      const begun = toolkit.tell(start.turns, given.hasToolForm ?? false);
      const state: ToolState = {
        own: start.state,
        seed: given.seed,
        tagsAnswers: begun.tools.told === "template",
        images: imagesIn(start.turns),
        calls: [],
      };
      return { ...start, ...begun, state };
    },
    async step(given, action, signal): Promise<Outcome> {
      const state = given as ToolState;
      const asked = callIn(action.text, toolkit);
      if (asked === null) return afterTurn(state, await environment.step(state.own, action, signal), toolkit);
      const { parts, fault } = await answerTo(asked, state, toolkit, signal);
      const call: MadeCall = { ...(asked instanceof ToolFault ? noCall : asked), fault };
      const images = [...state.images, ...parts.filter(isImagePart)];
      return {
        turns: [{ role: "tool", parts: state.tagsAnswers ? parts : tagged(parts) }],
        state: { ...state, images, calls: [...state.calls, call] },
        parts: toolkit.costOf(call, state.calls.length),
        call: { tool: call.name, fault },
      };
    },
    ...(understanding && {
      understanding: (given, text, signal) => understanding((given as ToolState).own, text, signal),
    }),
    ...(demonstrate && {
      demonstrate: (given, turn, signal) => demonstrate((given as ToolState).own, turn, signal),
    }),
    [Symbol.asyncDispose]: () => environment[Symbol.asyncDispose](),
  };
}

async function answerTo(
  asked: ToolCall | ToolFault,
  { images, seed, calls }: ToolState,
  toolkit: Toolkit,
  signal: AbortSignal = never,
): Promise<ToolAnswer> {
  if (asked instanceof ToolFault) return faultAnswer(asked);
  const { maxCalls } = toolkit.options;
  if (calls.length >= maxCalls)
    return faultAnswer(new ToolFault("notAllowed", `all ${maxCalls} calls were made; answer now`));
  const before = calls.filter(({ name, fault }) => name === asked.name && fault === null);
  return toolkit.answer(asked, {
    images,
    before: before.map((each) => each.arguments),
    seed: deriveSeed(seed, "tool"),
    signal,
  });
}

/** What could not be read as a call. */
const noCall: ToolCall = { name: "", arguments: null };

/** Nobody aborts it. */
const never = new AbortController().signal;

/** What the environment's own turn led to. */
function afterTurn(state: ToolState, outcome: Outcome, toolkit: Toolkit): Outcome {
  if (outcome.turns !== null) {
    const images = [...state.images, ...imagesIn(outcome.turns)];
    return { ...outcome, state: { ...state, own: outcome.state, images } };
  }
  if (!outcome.parts || !outcome.success) return outcome;
  const isHelped = state.calls.some(({ fault }) => fault === null);
  return { ...outcome, parts: { ...outcome.parts, ...toolkit.successOf(isHelped) } };
}

function tagged(parts: readonly TurnPart[]): TurnPart[] {
  return [responseTags.open, ...parts, responseTags.close];
}

/** The call in what was said, or what is wrong with it; null where there is none. */
function callIn(text: string, toolkit: Toolkit): ToolCall | ToolFault | null {
  try {
    return toolkit.read(text);
  } catch (error) {
    if (error instanceof UnreadableCall) return new ToolFault("notJson", error.message);
    throw error;
  }
}
