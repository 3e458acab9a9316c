import type { Command } from "commander";
import { stringify } from "yaml";
import { RunSettingsSchema } from "../arena/config/config.ts";
import { withoutSecrets } from "../arena/config/watch.ts";
import { answerFormats } from "../common/answer_format.ts";
import { questionerTemplates } from "../questioner/prompt.ts";
import { reasonerTemplates } from "../reasoner/prompt.ts";
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
    // As they are written: what depends on the model is resolved only with one.
    const settings = withoutSecrets(resolve(RunSettingsSchema, layers()));
    print(`${toYaml(RunSettingsSchema, settings)}\n${defaultPrompts()}`);
  });
}

/** What the policies are told by default, as a comment. */
function defaultPrompts(): string {
  const byFormat = answerFormats.map((format) => [
    format,
    { questioner: questionerTemplates[format], reasoner: reasonerTemplates[format] },
  ]);
  const heading = "What policies are told where prompts are null and the model brings none, by format:";
  const text = stringify(Object.fromEntries(byFormat), { lineWidth: 0, blockQuote: "literal" });
  return `${heading}\n\n${text}`.trimEnd().replace(/^/gm, "# ");
}
