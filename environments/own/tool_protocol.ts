import type { TurnPart } from "../../policy/port.ts";
import type { JsonSchema } from "../tools/json_schema.ts";
import type { ToolContext } from "../tools/tool.ts";
import type { ModuleThread, Result } from "./module_pool.ts";

/** What a user's own tool says of itself. */
export interface ToolTerms {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonSchema;
  readonly pure: boolean;
}

/** What it is told beside its arguments. */
export type ToldContext = Omit<ToolContext, "signal">;

/** What the thread of a user's own tool does. */
export interface ToolThread extends ModuleThread {
  open(path: string, setting: string, options: Readonly<Record<string, unknown>>): Promise<ToolTerms>;
  run(given: unknown, context: ToldContext): Promise<Result<readonly TurnPart[]>>;
}
