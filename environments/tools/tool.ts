import type * as z from "zod";
import type { RgbImage } from "../../images/image.ts";
import type { TurnPart } from "../../policy/port.ts";
import type { JsonSchema } from "./json_schema.ts";

/** Something that a policy may call in its turns. */
export interface Tool<A = unknown> extends Partial<AsyncDisposable> {
  /** Of letters, digits, _, - and dots. */
  readonly name: string;
  /** For the policy. */
  readonly description: string;
  readonly arguments: z.ZodType<A>;
  /** The JSON Schema of the arguments as their author wrote it; by default, `arguments` as one. */
  readonly parameters?: JsonSchema;
  /** Whether equal arguments and pictures always get an equal answer, which may then be kept. */
  readonly isPure: boolean;
  /** Whether it ends what takes too long by itself; one whose calls wait for threads counts from when they have one. */
  readonly keepsTime?: boolean;
  /** Text and pictures; throws a `ToolFault`, or any error, which is "failed". */
  run(given: A, context: ToolContext): Promise<readonly TurnPart[]>;
}

/** A tool whose arguments are known to itself alone. */
export function defineTool<A>(tool: Tool<A>): Tool {
  return tool as Tool;
}

/** Lets go what tools hold. */
export async function closeTools(tools: readonly Tool[]): Promise<void> {
  await Promise.all(tools.map((tool) => tool[Symbol.asyncDispose]?.()));
}

/** What a call finds. */
export interface ToolContext {
  /** All pictures that the policy was shown so far, in order, at their full size. */
  readonly images: readonly RgbImage[];
  /** The arguments of earlier calls of the same tool in the trajectory, in order: what a tool that remembers remembers. */
  readonly before: readonly unknown[];
  /** Of the trajectory: whatever is drawn is drawn from it, and from how many calls came before. */
  readonly seed: number;
  /** Aborts where the call takes too long, or nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** What can be wrong with a call: the policy reads it, and it is recorded. */
export const toolFaultKinds = [
  "unknownTool",
  "notJson",
  "wrongArguments",
  "notAllowed",
  "failed",
  "timedOut",
  "tooLarge",
] as const;
export type ToolFaultKind = (typeof toolFaultKinds)[number];

export class ToolFault extends Error {
  readonly kind: ToolFaultKind;

  constructor(kind: ToolFaultKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ToolFault";
    this.kind = kind;
  }
}
