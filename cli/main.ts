import { Command } from "commander";
import { release } from "../common/release.ts";
import { keepNoImages } from "../images/libvips.ts";
import { addAct } from "./act.ts";
import { addAsk } from "./ask.ts";
import { addConfig } from "./config.ts";
import { addEval } from "./eval.ts";
import { addExportCurriculum } from "./export_curriculum.ts";
import { addExportModel } from "./export_model.ts";
import { addExportTrajectories } from "./export_trajectories.ts";
import { addFrames } from "./frames.ts";
import { addInspect } from "./inspect.ts";
import { addNewModel } from "./new_model.ts";
import { addPlan } from "./plan.ts";
import { addPretrain } from "./pretrain.ts";
import { addReplay } from "./replay.ts";
import { exitCodeOf, messageOf } from "./report.ts";
import { addResume } from "./resume.ts";
import { addGrpo, addSft } from "./stage_commands.ts";
import { addStatus } from "./status.ts";
import { print, say } from "./terminal.ts";
import { addTrain } from "./train.ts";

keepNoImages();

const program = new Command("visplay")
  .description("A vision-language model improves itself from unlabelled images.")
  .version(release)
  .option("--debug", "show the stack of every error (also VISPLAY_DEBUG=1)")
  .showHelpAfterError("see --help")
  .configureOutput({ writeOut: (text) => print(text.trimEnd()), writeErr: (text) => say(text.trimEnd()) })
  .exitOverride();
for (const add of [
  addTrain,
  addGrpo,
  addSft,
  addResume,
  addPlan,
  addStatus,
  addInspect,
  addReplay,
  addEval,
  addAct,
  addAsk,
  addExportModel,
  addExportCurriculum,
  addExportTrajectories,
  addFrames,
  addNewModel,
  addPretrain,
  addConfig,
])
  add(program);

try {
  await program.parseAsync();
} catch (error) {
  const debug = Boolean(program.opts<{ debug?: true }>().debug ?? process.env.VISPLAY_DEBUG);
  const message = messageOf(error, debug);
  if (message) say(message);
  process.exitCode = exitCodeOf(error);
}
