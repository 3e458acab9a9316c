import * as z from "zod";
import { argumentsBy, type JsonSchema } from "../json_schema.ts";
import type { Tool } from "../tool.ts";
import { McpServer } from "./mcp_server.ts";

/** A server's tools, and what to put before their names where others have the same. */
export interface McpTools {
  readonly tools: readonly Tool[];
  readonly prefix: string;
}

/**
 * All tools of a server of the Model Context Protocol, by the command line that starts it or by its address. Throws a
 * `VisplayError` of code "config" where it does not start.
 */
export async function openMcpTools(address: string, setting: string): Promise<McpTools> {
  const server = new McpServer(address, setting);
  const close = () => server[Symbol.asyncDispose]();
  const listed = await server.list().catch(async (error) => {
    await close();
    throw error;
  });
  const tools = listed.tools.map(
    ({ name, title, description = title ?? name, inputSchema }): Tool => ({
      name: plainName(name),
      description,
      arguments: schemaBy(inputSchema),
      parameters: inputSchema as JsonSchema,
      isPure: false,
      run: (given, { signal }) => server.call(name, given as Record<string, unknown>, signal),
      [Symbol.asyncDispose]: close,
    }),
  );
  return { tools, prefix: `${plainName(listed.name)}_` };
}

/** Servers check arguments themselves: what no check can be made of here is left to them. */
function schemaBy(schema: unknown): Tool["arguments"] {
  try {
    return argumentsBy(schema);
  } catch {
    return z.record(z.string(), z.unknown());
  }
}

function plainName(name: string): string {
  return name.replace(/[^\w.-]+/g, "_");
}
