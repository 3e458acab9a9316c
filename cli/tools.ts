import { createHash } from "node:crypto";
import type { EnvironmentStage } from "../arena/config/stages.ts";
import type { UsedTool } from "../arena/config/tools.ts";
import { VisplayError } from "../common/errors.ts";
import { hashFile } from "../common/file_hash.ts";
import { openOwnTool } from "../environments/own/own_tool.ts";
import { openMcpTools } from "../environments/tools/mcp/mcp_tools.ts";
import { openOcr } from "../environments/tools/ocr/ocr.ts";
import { builtInTools } from "../environments/tools/registry.ts";
import { openFolderSearch } from "../environments/tools/search/search.ts";
import { openSearxng } from "../environments/tools/search/searxng.ts";
import { closeTools, type Tool } from "../environments/tools/tool.ts";
import { withTools } from "../environments/tools/tool_environment.ts";
import type { Environment } from "../training/environment.ts";

/** An environment, and SHA-256 by setting of what its tools are made of. */
interface Equipped {
  readonly environment: Environment;
  readonly inputs: Readonly<Record<string, string>>;
}

/** What one entry of the setting `use` opens. */
interface OpenTools {
  readonly tools: readonly Tool[];
  /** SHA-256 of what they are made of; null where nothing but their names says it. */
  readonly digest: string | null;
  /** What may stand before their names where others have the same; null: nothing. */
  readonly prefix: string | null;
}

/**
 * An environment with the tools that a stage has; `setting` names theirs. Throws a `VisplayError` of code "config" where one
 * cannot be, "data" where what it is made of is broken.
 */
export async function equip(
  environment: Environment,
  { tools: { use, timeLimit, ...limits } }: EnvironmentStage,
  setting: string,
): Promise<Equipped> {
  if (use.length === 0) return { environment, inputs: {} };
  const timeLimitMs = 1000 * timeLimit;
  const opened: OpenTools[] = [];
  try {
    for (const [index, used] of use.entries())
      opened.push(await openTools(used, `${setting}.use.${index}`, timeLimitMs));
    const tools = distinct(opened, `${setting}.use`);
    refuseUnknown(Object.keys(limits.prices), tools, `${setting}.prices`);
    const inputs = opened.flatMap(({ digest }, index) =>
      digest === null ? [] : [[`${setting}.use.${index}`, digest]],
    );
    return {
      environment: withTools(environment, tools, { ...limits, timeLimitMs }),
      inputs: Object.fromEntries(inputs),
    };
  } catch (error) {
    await closeTools(opened.flatMap(({ tools }) => tools));
    throw error;
  }
}

async function openTools(used: UsedTool, setting: string, timeLimitMs: number): Promise<OpenTools> {
  if ("mcp" in used) {
    const { tools, prefix } = await openMcpTools(used.mcp, `${setting}.mcp`);
    const listed = tools.map(({ name, description, parameters }) => [name, description, parameters]);
    const digest = createHash("sha256").update(JSON.stringify(listed)).digest("hex");
    return { tools, digest, prefix };
  }
  if ("ocr" in used) {
    const tool = await openOcr(used.ocr, { setting: `${setting}.ocr`, timeLimitMs });
    return { tools: [tool], digest: null, prefix: null };
  }
  if ("search" in used) {
    const { search } = used;
    if (/^https?:\/\//.test(search))
      return { tools: [await openSearxng(search, `${setting}.search`)], digest: null, prefix: null };
    const { tool, digest } = await openFolderSearch(search, `${setting}.search`);
    return { tools: [tool], digest, prefix: null };
  }
  if (!("options" in used))
    return { tools: [builtInTools.get(used.name) as Tool], digest: null, prefix: null };
  const { name, options, threads, memory } = used;
  const tool = await openOwnTool(name, { setting, options, threads, timeLimitMs, memoryMb: memory });
  return { tools: [tool], digest: (await hashFile(name)).digest("hex"), prefix: null };
}

/** All tools, those of servers with a prefix where their names are another's, too. */
function distinct(opened: readonly OpenTools[], setting: string): Tool[] {
  const names = opened.flatMap(({ tools }) => tools.map(({ name }) => name));
  const isShared = (name: string) => names.indexOf(name) !== names.lastIndexOf(name);
  const seen = new Set<string>();
  return opened.flatMap(({ tools, prefix }, index) =>
    tools.map((tool) => {
      const name = prefix !== null && isShared(tool.name) ? `${prefix}${tool.name}` : tool.name;
      if (seen.has(name))
        throw new VisplayError(
          "config",
          `${setting}.${index}: there is another tool named ${name}; leave one out`,
        );
      seen.add(name);
      return { ...tool, name };
    }),
  );
}

function refuseUnknown(names: readonly string[], tools: readonly Tool[], setting: string): void {
  const known = tools.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new VisplayError("config", `${setting}: found ${unknown}, expected one of ${known.join(", ")}`);
}
