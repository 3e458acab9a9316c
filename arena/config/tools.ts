import * as z from "zod";
import { builtInTools } from "../../environments/tools/registry.ts";
import { count, number, type Settings } from "./setting.ts";

/** How a stage lets its policy use tools, and what that costs. */
export interface ToolsConfig {
  readonly use: readonly string[];
  readonly section: string | null;
  readonly maxCalls: number;
  readonly price: number;
  readonly prices: Readonly<Record<string, number>>;
  readonly freeCalls: number;
  readonly faultPrice: number;
  readonly bonus: number;
  readonly timeLimit: number;
  readonly maxText: number;
}

const names = [...builtInTools.keys()];

const settings: Settings<ToolsConfig> = {
  use: z
    .array(z.enum(names as [string, ...string[]]))
    .default([])
    .describe(`which: ${names.join(", ")}`),
  section: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "what the prompt says of them before all else; null: their names, what they do, and their arguments; an empty text: nothing",
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
};

/** Also written as the list of what to use alone. */
export const tools: z.ZodType<ToolsConfig> = z
  .preprocess(
    (value) => (Array.isArray(value) ? { use: value } : value),
    z.strictObject(settings).prefault({} as never),
  )
  .meta({ description: "tools that the model may call in its turns; a list alone names them", main: "use" });
