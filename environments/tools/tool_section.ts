import * as z from "zod";
import type { Tool } from "./tool.ts";
import { callTags } from "./tool_call.ts";

/** What a policy is told of the tools that it may call, before all else. */
export function toolSection(tools: readonly Tool[]): string {
  const form = `${callTags.open}{"name": "NAME", "arguments": {…}}${callTags.close}`;
  return `You may call a tool by ending your turn with ${form}. Its answer comes in the next turn. The tools:\n${tools
    .map((tool) => JSON.stringify(describe(tool)))
    .join("\n")}`;
}

/** A tool as JSON Schema describes it. */
function describe({ name, description, arguments: schema, parameters: written }: Tool): object {
  const { $schema: _, ...parameters } = written ?? z.toJSONSchema(schema, { io: "input" });
  return { name, description, parameters };
}
