import { annotate } from "./annotate.ts";
import { components } from "./components.ts";
import { measure } from "./measure.ts";
import { cropTool, enhanceTool, rotateTool, zoom } from "./picture_tools.ts";
import type { Tool } from "./tool.ts";

const all: readonly Tool[] = [zoom, cropTool, rotateTool, enhanceTool, annotate, measure, components];

/** The tools that are there, by name. */
export const builtInTools: ReadonlyMap<string, Tool> = new Map(all.map((tool) => [tool.name, tool]));
