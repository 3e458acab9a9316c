import { annotate } from "./annotate.ts";
import { components } from "./components.ts";
import { measure } from "./measure.ts";
import { cropTool, enhanceTool, rotateTool, zoom } from "./picture_tools.ts";
import type { Tool } from "./tool.ts";

const all: readonly Tool[] = [zoom, cropTool, rotateTool, enhanceTool, annotate, measure, components];

/** The tools that hold nothing, by name. */
export const builtInTools: ReadonlyMap<string, Tool> = new Map(all.map((tool) => [tool.name, tool]));

/** All that has a name of its own, those too that have to be opened. */
export const toolNames: readonly string[] = [...builtInTools.keys(), "python"];
