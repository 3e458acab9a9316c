import { VisplayError } from "../../common/errors.ts";
import { EnvironmentFault, type FaultKind } from "../../training/environment.ts";
import { argumentsBy } from "../tools/json_schema.ts";
import { type Tool, ToolFault, type ToolFaultKind } from "../tools/tool.ts";
import { type ModuleOptions, ModulePool } from "./module_pool.ts";
import type { ToolThread } from "./tool_protocol.ts";

const program = { name: "tool_worker", advice: "Its call has failed", timeSetting: "tools.timeLimit" };

/** What is wrong with a call, where its thread says more than that it failed. */
const faults: Readonly<Partial<Record<FaultKind, ToolFaultKind>>> = {
  late: "timedOut",
  tooLarge: "tooLarge",
};

/** A tool from a module of a user's own. Throws a `VisplayError` of code "config" where it is none. */
export async function openOwnTool(path: string, options: ModuleOptions): Promise<Tool & AsyncDisposable> {
  const { pool, opened } = await ModulePool.open<ToolThread>(path, program, options);
  const { name, description, parameters, pure } = opened;
  const close = () => pool[Symbol.asyncDispose]();
  let schema: Tool["arguments"];
  try {
    schema = argumentsBy(parameters);
  } catch (cause) {
    await close();
    const message = `${options.setting}: ${path} gave parameters that are no JSON Schema it can be held to: ${(cause as Error).message}`;
    throw new VisplayError("config", message, { cause });
  }
  return {
    name,
    description,
    arguments: schema,
    parameters,
    isPure: pure,
    keepsTime: true,
    async run(given, { signal, ...context }) {
      try {
        return await pool.call("run", [given, context], signal);
      } catch (error) {
        if (!(error instanceof EnvironmentFault)) throw error;
        throw new ToolFault(faults[error.kind] ?? "failed", error.reason, { cause: error });
      }
    },
    [Symbol.asyncDispose]: close,
  };
}
