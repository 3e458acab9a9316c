import * as z from "zod";
import type { FunctionTool } from "../../common/tool_call.ts";
import { callTags } from "../../common/tool_call.ts";

import type { Tool } from "./tool.ts";

/** What a policy is told of the tools that it may call, before all else, where its chat template has no form for them. */
export function toolSection(tools: readonly FunctionTool[]): string {
  const form = `${callTags.open}{"name": "NAME", "arguments": {…}}${callTags.close}`;
  return `You may call a tool by ending your turn with ${form}. Its answer comes in the next turn. The tools:\n${tools
    .map((tool) => JSON.stringify(tool.function))
    .join("\n")}`;
}

/** A tool as chat templates take it, its arguments as JSON Schema describes them. */
export function functionOf({
  name,
  description,
  arguments: schema,
  parameters: written,
}: Tool): FunctionTool {
  const { $schema: _, ...parameters } = written ?? z.toJSONSchema(schema, { io: "input" });
  return { type: "function", function: { name, description, parameters } };
}
