import type { Command } from "commander";
import { RunConfigSchema } from "../arena/config.ts";
import { withoutSecrets } from "../arena/watch_config.ts";
import { addSettings } from "./options.ts";
import { toYaml } from "./schema.ts";
import { resolve } from "./settings.ts";
import { print } from "./terminal.ts";

/** Adds `visplay config`: every setting of a run with its value and meaning, as a file for --config. */
export function addConfig(program: Command): void {
  const command = program
    .command("config")
    .description("print every setting with its default and meaning, as YAML for --config");
  const layers = addSettings(command, []);
  command.action(() => {
    print(toYaml(RunConfigSchema, withoutSecrets(resolve(RunConfigSchema, layers()))).trimEnd());
  });
}
