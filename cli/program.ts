import { Command } from "commander";
import { release } from "../common/release.ts";
import { exitCodeOf, messageOf } from "./report.ts";
import { print, say } from "./terminal.ts";

type Add = (program: Command) => void;

/** The commands in help's order; each is loaded, with all that it needs, only where it is asked for. */
const commands: Readonly<Record<string, () => Promise<Add>>> = {
  train: async () => (await import("./train.ts")).addTrain,
  grpo: async () => (await import("./stage_commands.ts")).addGrpo,
  sft: async () => (await import("./stage_commands.ts")).addSft,
  resume: async () => (await import("./resume.ts")).addResume,
  plan: async () => (await import("./plan.ts")).addPlan,
  status: async () => (await import("./status.ts")).addStatus,
  inspect: async () => (await import("./inspect.ts")).addInspect,
  replay: async () => (await import("./replay.ts")).addReplay,
  eval: async () => (await import("./eval.ts")).addEval,
  act: async () => (await import("./act.ts")).addAct,
  ask: async () => (await import("./ask.ts")).addAsk,
  "export-model": async () => (await import("./export_model.ts")).addExportModel,
  "export-curriculum": async () => (await import("./export_curriculum.ts")).addExportCurriculum,
  "export-trajectories": async () => (await import("./export_trajectories.ts")).addExportTrajectories,
  engine: async () => (await import("./engine.ts")).addEngine,
  "hand-off": async () => (await import("./hand_off.ts")).addHandOff,
  frames: async () => (await import("./frames.ts")).addFrames,
  "new-model": async () => (await import("./new_model.ts")).addNewModel,
  pretrain: async () => (await import("./pretrain.ts")).addPretrain,
  config: async () => (await import("./config.ts")).addConfig,
};

/** Runs the command that arguments ask for to its end, and says what went wrong; gives the process' exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const program = new Command("visplay")
    .description("A vision-language model improves itself from unlabelled images.")
    .version(release)
    .option("--debug", "show the stack of every error (also VISPLAY_DEBUG=1)")
    .showHelpAfterError("see --help")
    .configureOutput({ writeOut: (text) => print(text.trimEnd()), writeErr: (text) => say(text.trimEnd()) })
    .exitOverride();
  for (const load of wanted(args)) (await load())(program);
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    const debug = Boolean(program.opts<{ debug?: true }>().debug ?? process.env.VISPLAY_DEBUG);
    const message = messageOf(error, debug);
    if (message) say(message);
    return exitCodeOf(error);
  }
}

/** The one command that is named; all of them where none is, as for help. */
function wanted(args: readonly string[]): readonly (() => Promise<Add>)[] {
  const name = args.find((each) => !each.startsWith("-")) ?? "";
  const named = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return named ? [named] : Object.values(commands);
}
