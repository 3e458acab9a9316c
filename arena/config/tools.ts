import { extname } from "node:path";
import * as z from "zod";
import { moduleKinds } from "../../common/user_module.ts";
import { toolNames } from "../../environments/tools/registry.ts";
import { type ToolOptions, toolForms } from "../../environments/tools/toolkit.ts";
import { choice, count, number, type Settings } from "./setting.ts";

/** How a stage lets its policy use tools, and what that costs. */
export interface ToolsConfig extends Omit<ToolOptions, "timeLimitMs"> {
  readonly use: readonly UsedTool[];
  /** In seconds. */
  readonly timeLimit: number;
}

/** Tools that are made of something, by what that is: a language, a model, documents, a server. */
export const toolKinds = ["ocr", "detect", "classify", "caption", "search", "mcp"] as const;
export type ToolKind = (typeof toolKinds)[number];

/** A tool that is there, a module of a user's own, or of what to make one. */
export type UsedTool =
  | { readonly name: string }
  | OwnToolConfig
  | { readonly [K in ToolKind]: { readonly [P in K]: string } }[ToolKind];

/** A module of a user's own. */
export interface OwnToolConfig {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly threads: number;
  readonly memory: number;
}

const expected = `one of ${toolNames.join(", ")}, or a module of your own, such as ./my_tool.ts`;

function source(text: string): z.ZodOptional<z.ZodString> {
  return z.string().min(1).optional().describe(text);
}

const toolSettings = z.strictObject({
  name: source(expected),
  options: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("what a module of your own is told, by names of its own"),
  threads: z
    .int()
    .min(1)
    .optional()
    .describe("threads that a module of your own runs in, each with one call at a time (default 2)"),
  memory: z.int().min(16).optional().describe("heap of such a thread (MB, default 1024)"),
  ocr: source("the language of text to read in pictures, by tesseract's code, such as eng"),
  detect: source(
    "a model that finds objects in pictures, in the form of transformers.js: its folder, or owner/name[@revision] on the hub",
  ),
  classify: source("one that says what pictures show"),
  caption: source("one that describes pictures"),
  search: source("a folder of documents to search (.txt, .md, .html, .jsonl), or the address of a SearXNG"),
  mcp: source("a command line that starts a server of the Model Context Protocol, or the address of one"),
});
type ToolSettings = z.infer<typeof toolSettings>;

const kinds = ["name", ...toolKinds] as const;
const ofModules = ["options", "threads", "memory"] as const;

/** Why settings are those of no tool, and by which of them; null where they are. */
function impossible(settings: ToolSettings): { readonly path: string[]; readonly message: string } | null {
  const given = kinds.filter((kind) => settings[kind] !== undefined);
  if (given.length !== 1) return { path: [], message: `expected just one of ${kinds.join(", ")}` };
  const { name } = settings;
  if (name !== undefined && !toolNames.includes(name))
    return moduleKinds.includes(extname(name)) ? null : { path: ["name"], message: `expected ${expected}` };
  const odd = ofModules.find((key) => settings[key] !== undefined);
  return odd ? { path: [odd], message: "expected it with a module of your own only" } : null;
}

function complete({ name, options = {}, threads = 2, memory = 1024, ...others }: ToolSettings): UsedTool {
  if (name === undefined) return others as UsedTool;
  return toolNames.includes(name) ? { name } : { name, options, threads, memory };
}

/** Also written as the name alone. */
const tool: z.ZodType<UsedTool> = z
  .preprocess((value) => (typeof value === "string" ? { name: value } : value), toolSettings)
  .superRefine((given, context) => {
    const fault = impossible(given);
    if (fault) context.addIssue({ code: "custom", ...fault });
  })
  .transform(complete)
  .meta({ main: "name" });

const settings: Settings<ToolsConfig> = {
  use: z
    .array(tool)
    .default([])
    .describe(
      `which: ${toolNames.join(", ")}, a module of your own, or of what to make one, such as {ocr: eng} or {search: FOLDER}`,
    ),
  section: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "what the prompt says of them before all else, in place of any other form; null: their names, what they do, and their arguments; an empty text: nothing",
    ),
  form: choice(
    toolForms,
    "template",
    "how the model is told of them, and reads their answers: as its chat template has it, where that has a form for tools, or always by a section of the prompt",
  ),
  maxCalls: count(4, "calls in one trajectory, at most"),
  price: number(0, "what a call costs (the lambda of R = R_accuracy + R_reasoning - lambda N)"),
  prices: z
    .record(z.string(), z.number().min(0))
    .default({})
    .describe("how many times that a tool's call costs, by its name; 1 where none is given"),
  freeCalls: count(0, "the first so many calls of a trajectory cost nothing", 0),
  faultPrice: number(0, "what a call that goes wrong costs beside that"),
  bonus: number(0, "what is earned where a trajectory succeeds in which a call went well"),
  timeLimit: number(10, "what one call may take (seconds)", 0.01),
  maxText: count(4000, "characters of a tool's answer; a longer one is cut there"),
  maxPixels: count(64_000_000, "width times height of a picture that a tool gives; a larger one is refused"),
};

/** Also written as the list of what to use alone. */
export const tools: z.ZodType<ToolsConfig> = z
  .preprocess(
    (value) => (Array.isArray(value) ? { use: value } : value),
    z.strictObject(settings).prefault({} as never),
  )
  .meta({ description: "tools that the model may call in its turns; a list alone names them", main: "use" });
