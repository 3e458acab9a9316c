import { createHash } from "node:crypto";
import type { ToolKind, ToolsConfig, UsedTool } from "../arena/config/tools.ts";
import { VisplayError } from "../common/errors.ts";
import { hashFile } from "../common/file_hash.ts";
import { openOwnTool } from "../environments/own/own_tool.ts";
import { openMcpTools } from "../environments/tools/mcp/mcp_tools.ts";
import { openOcr } from "../environments/tools/ocr/ocr.ts";
import { openPipelineTool } from "../environments/tools/pipelines/pipeline_tool.ts";
import { openPython } from "../environments/tools/python/python.ts";
import { builtInTools } from "../environments/tools/registry.ts";
import { openFolderSearch } from "../environments/tools/search/search.ts";
import { openSearxng } from "../environments/tools/search/searxng.ts";
import { closeTools, type Tool } from "../environments/tools/tool.ts";
import { Toolkit } from "../environments/tools/toolkit.ts";
import { pipelineFolder } from "./pipeline_folder.ts";
import type { Opening } from "./run_images.ts";

/** Tools that are open, and SHA-256 by setting of what they are made of. */
interface OpenToolkit {
  readonly toolkit: Toolkit;
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
 * The tools that a stage has, by what `setting` names; null where it has none. Throws a `VisplayError` of code "config" where
 * one cannot be, "data" where what it is made of is broken.
 */
export async function openToolkit(
  { use, timeLimit, ...limits }: ToolsConfig,
  setting: string,
  opening: Opening,
): Promise<OpenToolkit | null> {
  if (use.length === 0) return null;
  const timeLimitMs = 1000 * timeLimit;
  const opened: OpenTools[] = [];
  try {
    for (const [index, used] of use.entries())
      opened.push(await openTools(used, { setting: `${setting}.use.${index}`, timeLimitMs, opening }));
    const tools = distinct(opened, `${setting}.use`);
    refuseUnknown(Object.keys(limits.prices), tools, `${setting}.prices`);
    const inputs = opened.flatMap(({ digest }, index) =>
      digest === null ? [] : [[`${setting}.use.${index}`, digest]],
    );
    return { toolkit: new Toolkit(tools, { ...limits, timeLimitMs }), inputs: Object.fromEntries(inputs) };
  } catch (error) {
    await closeTools(opened.flatMap(({ tools }) => tools));
    throw error;
  }
}

interface ToolOpening {
  /** What names the tool, for messages. */
  readonly setting: string;
  readonly timeLimitMs: number;
  readonly opening: Opening;
}

async function openTools(used: UsedTool, { setting, timeLimitMs, opening }: ToolOpening): Promise<OpenTools> {
  if ("options" in used) {
    const { name, options, threads, memory } = used;
    const limits = { threads, timeLimitMs, memoryMb: memory };
    return only(
      await openOwnTool(name, { setting, options, ...limits }),
      (await hashFile(name)).digest("hex"),
    );
  }
  if ("name" in used && used.name === "python") return only(await openPython({ setting, timeLimitMs }));
  if ("name" in used) return only(builtInTools.get(used.name) as Tool);
  const [[kind, source]] = Object.entries(used) as [[ToolKind, string]];
  return openMade(kind, source, { setting: `${setting}.${kind}`, timeLimitMs, opening });
}

async function openMade(
  kind: ToolKind,
  source: string,
  { setting, timeLimitMs, opening }: ToolOpening,
): Promise<OpenTools> {
  switch (kind) {
    case "ocr":
      return only(await openOcr(source, { setting, timeLimitMs }));
    case "detect":
    case "classify":
    case "caption": {
      const folder = await pipelineFolder(source, opening);
      const { tool, digest } = await openPipelineTool(kind, folder, { setting, timeLimitMs });
      return only(tool, digest);
    }
    case "search": {
      if (/^https?:\/\//.test(source)) return only(await openSearxng(source, setting));
      const { tool, digest } = await openFolderSearch(source, setting);
      return only(tool, digest);
    }
    case "mcp": {
      const { tools, prefix } = await openMcpTools(source, setting);
      const listed = tools.map(({ name, description, parameters }) => [name, description, parameters]);
      const digest = createHash("sha256").update(JSON.stringify(listed)).digest("hex");
      return { tools, digest, prefix };
    }
  }
}

function only(tool: Tool, digest: string | null = null): OpenTools {
  return { tools: [tool], digest, prefix: null };
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
