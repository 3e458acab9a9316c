import * as z from "zod";
import { drivingOptions } from "../../environments/driving/options.ts";
import { gymnasiumOptions } from "../../environments/gymnasium/options.ts";
import { robotOptions } from "../../environments/robot/options.ts";
import { count, groupOrMain, number, optionalText, type Settings, text } from "./setting.ts";

/** The environments that are there; any other name is a module of a user's own. */
export const environmentNames = [
  "data",
  "scenes",
  "jigsaw",
  "odd-one-out",
  "frame-order",
  "driving",
  "robot",
  "gymnasium",
] as const;
export type EnvironmentName = (typeof environmentNames)[number];

/** Tasks of scenes where nobody says how many. */
export const SCENE_TASKS = 10_000;

/** Tasks of a simulator where nobody says how many. */
export const SIMULATED_TASKS = 10_000;

/** What the options of simulators may say. */
const simulatorOptions: Readonly<Partial<Record<string, z.ZodType>>> = {
  driving: drivingOptions,
  robot: robotOptions,
  gymnasium: gymnasiumOptions,
};

/** In what a stage lets its policy act. */
export interface EnvironmentConfig {
  /** One of `environmentNames`, or a module's path. */
  readonly name: string;
  readonly data: string | null;
  readonly columns: string | null;
  readonly pieces: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly timeLimit: number;
  readonly threads: number;
  readonly memory: number;
}

const settings: Settings<EnvironmentConfig> = {
  name: text(
    "scenes",
    "data (labelled questions), scenes (questions about drawn scenes), jigsaw, odd-one-out or frame-order (labels for free, from pictures or films), driving, robot or gymnasium (simulators), or a module of your own, such as ./my_env.ts",
  ),
  data: optionalText(
    "what it is made of: labelled data (data), pictures (jigsaw, odd-one-out; null: those of images), a folder of films (frame-order), or one of scenarios (driving; null: those that are there)",
  ),
  columns: optionalText(
    "columns of data, as question=NAME,answer=NAME,image=NAME; null: by their usual names",
  ),
  pieces: count(4, "tiles of a jigsaw (a square number), pictures of odd-one-out, frames of frame-order", 2),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("what a simulator, or a module of your own, is told, by names of its own"),
  timeLimit: number(30, "what one call of a simulator or a module of your own may take (seconds)", 0.01),
  threads: count(
    2,
    "threads, or for gymnasium processes, that a simulator or a module of your own runs in, each with one call at a time",
  ),
  memory: count(1024, "heap of such a thread (MB)", 16),
};

/** Why an environment cannot be, by the setting; null where it can. */
function impossible({ name, data, pieces }: EnvironmentConfig): [keyof EnvironmentConfig, string] | null {
  if (data === null && (name === "data" || name === "frame-order")) {
    const what = name === "data" ? "labelled questions" : "a folder of films";
    return ["data", `expected ${what}, for ${name} is made of them`];
  }
  if (name === "jigsaw" && !Number.isInteger(Math.sqrt(pieces)))
    return ["pieces", "expected a square number of tiles, such as 4 or 9"];
  return null;
}

/** Also written as the name alone. */
export const environment: z.ZodType<EnvironmentConfig> = groupOrMain(
  "name",
  settings,
  "tasks in which the model acts, in one turn or in several",
).superRefine((config, context) => {
  const [path, message] = impossible(config) ?? [];
  if (path !== undefined) context.addIssue({ code: "custom", path: [path], message });
  for (const issue of simulatorOptions[config.name]?.safeParse(config.options).error?.issues ?? [])
    context.addIssue({ ...issue, path: ["options", ...issue.path] });
});

/** Whether a name is that of an environment that is there. */
export function isBuiltIn(name: string): name is EnvironmentName {
  return (environmentNames as readonly string[]).includes(name);
}
