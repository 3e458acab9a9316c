import { type Command, Option } from "commander";
import { VisplayError } from "../common/errors.ts";
import { type ExportOptions, exportAdapter, exportModel } from "../policy/embedded/export_model.ts";
import { isEngineFolder } from "../policy/remote/engine_state.ts";
import { requireNewFolder } from "./new_output.ts";
import { print } from "./terminal.ts";

const dtypes = { float32: "F32", bfloat16: "BF16", float16: "F16" } as const;
const gigabyte = 1e9;

interface Flags {
  readonly out: string;
  readonly dtype: keyof typeof dtypes;
  readonly shardGb: number;
  readonly adapter?: true;
  readonly base?: string;
  readonly apiKeyEnv: string;
}

/** Adds `visplay export-model`: a policy as an ordinary Hugging Face folder. */
export function addExportModel(program: Command): void {
  program
    .command("export-model")
    .argument("<folder>", "a model folder, or an adapter's, such as RUN/reasoner")
    .description(
      "write a model as safetensors that transformers and vLLM load, an adapter merged into its model",
    )
    .requiredOption("--out <folder>", "where to write it")
    .addOption(
      new Option("--dtype <type>", "type of the weights").choices(Object.keys(dtypes)).default("bfloat16"),
    )
    .option("--shard-gb <n>", "largest file of weights (GB)", Number, 5)
    .option("--adapter", "write the adapter itself, in 32 bits, as PEFT has it")
    .option(
      "--api-key-env <name>",
      "where the folder names weights on an engine: the environment variable with its key",
      "TINKER_API_KEY",
    )
    .option("--base <name>", "with --adapter: the name under which its readers find the model")
    .action((folder: string, flags: Flags) => run(folder, flags));
}

async function run(folder: string, flags: Flags): Promise<void> {
  const { out, dtype, shardGb, adapter, base, apiKeyEnv } = flags;
  if (!(shardGb > 0)) throw new VisplayError("config", `--shard-gb ${shardGb}: expected a number above 0`);
  await requireNewFolder(out);
  if (await isEngineFolder(folder)) {
    const { downloadEngineAdapter } = await import("./engine_adapter.ts");
    await downloadEngineAdapter(folder, out, apiKeyEnv, base);
    print(`${out}: the adapter that ${folder} names on its engine`);
    return;
  }
  if (adapter) {
    await exportAdapter(folder, out, base);
    print(`${out}: the adapter of ${folder}`);
    return;
  }
  const options: ExportOptions = { dtype: dtypes[dtype], shardBytes: shardGb * gigabyte };
  await exportModel(folder, out, options);
  print(`${out}: the model of ${folder}, in ${dtype}`);
}
