import { callTags, type FunctionTool, readCall, type ToolCall } from "../../common/tool_call.ts";
import type { ReadTurn } from "../../policy/port.ts";
import type { Parts } from "../../rewards/parts.ts";
import type { OfferedTools, Start } from "../../training/environment.ts";
import { closeTools, type Tool, type ToolContext, type ToolFaultKind } from "./tool.ts";
import { type ToolAnswer, type ToolLimits, ToolRunner } from "./tool_runner.ts";
import { functionOf, toolSection } from "./tool_section.ts";

/** Whether a policy is told of tools, and reads their answers, as its chat template has it, where that can, or never so. */
export const toolForms = ["template", "section"] as const;
export type ToolForm = (typeof toolForms)[number];

export interface ToolOptions extends ToolLimits {
  /** What a turn before all else says of the tools, whatever `form` is; null: as that says, by `toolSection` where by a turn. */
  readonly section: string | null;
  readonly form: ToolForm;
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

/** A call that was made. */
export interface MadeCall extends ToolCall {
  readonly fault: ToolFaultKind | null;
}

/** Tools that are open, and what their calls cost. They are let go with it. */
export class Toolkit implements AsyncDisposable {
  readonly options: ToolOptions;
  /** Texts that end a turn, which is to be answered then. */
  readonly stopTexts: readonly string[] = [callTags.close];
  readonly #tools: readonly Tool[];
  readonly #runner: ToolRunner;
  readonly #functions: readonly FunctionTool[];
  readonly #section: readonly ReadTurn[];

  constructor(tools: readonly Tool[], options: ToolOptions) {
    this.options = options;
    this.#tools = tools;
    this.#runner = new ToolRunner(tools, options);
    this.#functions = tools.map(functionOf);
    const text = options.section ?? toolSection(this.#functions);
    this.#section = text === "" ? [] : [{ role: "system", parts: [text] }];
  }

  /** What a policy reads first, with what it is told of the tools; whether its chat template can tell of them is known. */
  tell(turns: readonly ReadTurn[], hasToolForm: boolean): Required<Pick<Start, "turns" | "tools">> {
    const told = this.#teller(hasToolForm);
    const tools = { functions: this.#functions, told };
    return { turns: told === "template" ? turns : [...this.#section, ...turns], tools };
  }

  #teller(hasToolForm: boolean): OfferedTools["told"] {
    if (this.options.section !== null) return "ownWords";
    return this.options.form === "template" && hasToolForm ? "template" : "usualWords";
  }

  /** The call in what was said; null where there is none. Throws an `UnreadableCall` where it cannot be read. */
  read(text: string): ToolCall | null {
    return readCall(text, this.#functions)?.call ?? null;
  }

  /** Runs a call, or says what is wrong with it. Rejects only where the context's signal aborts. */
  answer(call: ToolCall, context: ToolContext): Promise<ToolAnswer> {
    return this.#runner.answer(call, context);
  }

  /** What the `number`-th call of a trajectory costs. */
  costOf({ name, fault }: MadeCall, number: number): Parts {
    const { price, prices, freeCalls, faultPrice } = this.options;
    const cost = number < freeCalls ? 0 : price * (prices[name] ?? 1);
    return { toolCalls: 0 - cost, toolFaults: fault === null ? 0 : 0 - faultPrice };
  }

  /** What is earned by succeeding, where a call went well. */
  successOf(isHelped: boolean): Parts {
    const { bonus } = this.options;
    return isHelped && bonus !== 0 ? { toolSuccess: bonus } : {};
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeTools(this.#tools);
  }
}
