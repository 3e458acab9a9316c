import { createHash } from "node:crypto";
import { SIMULATED_TASKS } from "../arena/config/environment.ts";
import { drawnTasks } from "../arena/config/skills.ts";
import type { EnvironmentStage } from "../arena/config/stages.ts";
import { openDriving } from "../environments/driving/driving.ts";
import { drivingOptions } from "../environments/driving/options.ts";
import { readScenarios } from "../environments/driving/scenario_files.ts";
import { openGymnasium } from "../environments/gymnasium/gymnasium.ts";
import { gymnasiumOptions } from "../environments/gymnasium/options.ts";
import { robotOptions } from "../environments/robot/options.ts";
import { openRobot } from "../environments/robot/robot.ts";
import type { ReasonerTemplates } from "../reasoner/prompt.ts";
import type { Environment } from "../training/environment.ts";

/** Opens a simulator; `setting` is what named it, for messages. */
type Open = (stage: EnvironmentStage, templates: ReasonerTemplates, setting: string) => Promise<Environment>;

/** A simulator that was opened. */
interface Opened {
  readonly environment: Environment;
  /** SHA-256 of the data that it is made of; null for none. */
  readonly digest: string | null;
}

const simulators: Readonly<Record<"driving" | "robot" | "gymnasium", Open>> = {
  driving: ({ environment: { data, options, threads, timeLimit }, ...stage }) =>
    openDriving({
      options: drivingOptions.parse(options),
      folder: data,
      tasks: drawnTasks(stage, SIMULATED_TASKS),
      ...{ threads, timeLimitMs: 1000 * timeLimit },
    }),
  robot: ({ environment: { options }, ...stage }, templates) =>
    openRobot({ ...robotOptions.parse(options), tasks: drawnTasks(stage, SIMULATED_TASKS) }, templates),
  gymnasium: ({ environment: { options, threads, timeLimit }, ...stage }, templates, setting) =>
    openGymnasium(
      gymnasiumOptions.parse(options),
      {
        tasks: drawnTasks(stage, SIMULATED_TASKS),
        ...{ processes: threads, timeLimitMs: 1000 * timeLimit, setting },
      },
      templates,
    ),
};

export function isSimulator(name: string): name is keyof typeof simulators {
  return Object.hasOwn(simulators, name);
}

/** Opens the simulator in which a stage acts. Throws "config" or "data" where it cannot be. */
export async function openSimulator(
  stage: EnvironmentStage,
  templates: ReasonerTemplates,
  setting: string,
): Promise<Opened> {
  const { name, data } = stage.environment;
  if (!isSimulator(name)) throw new RangeError(`${name} is no simulator`);
  const environment = await simulators[name](stage, templates, setting);
  return { environment, digest: data === null ? null : await scenariosDigest(data) };
}

/** SHA-256 of what scenarios say. */
async function scenariosDigest(folder: string): Promise<string> {
  const scenarios = JSON.stringify(await readScenarios(folder));
  return createHash("sha256").update(scenarios).digest("hex");
}
