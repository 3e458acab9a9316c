/** The thread of a user's own tool: answers the calls of `openOwnTool`. */
import { dirname, resolve } from "node:path";
import { isRecord } from "../../common/json.ts";
import { serveThread } from "../../common/serve_thread.ts";
import { answerOf } from "./given.ts";
import { loadMade, resultOf } from "./module_thread.ts";
import type { ToolTerms, ToolThread } from "./tool_protocol.ts";

/** What a user's own module gives. */
interface OwnTool extends Partial<ToolTerms> {
  readonly name: string;
  readonly description: string;
  run(given: unknown, context: unknown): unknown;
}

let tool: OwnTool;
let folder = "";

serveThread<ToolThread>({
  async open(path, setting, options) {
    tool = (await loadMade(path, setting, options, faultOf)) as OwnTool;
    folder = dirname(resolve(path));
    const { name, description, parameters, pure } = tool;
    return { name, description, parameters: asJson(parameters), pure: pure === true };
  },
  run: (given, context) => resultOf(async () => answerOf(await tool.run(given, context), folder)),
  close: () => {},
});

/** What can go to another thread; what is no JSON is no JSON Schema either, and refused there. */
function asJson(value: unknown): ToolTerms["parameters"] {
  return JSON.parse(JSON.stringify(value) ?? "null");
}

/** What is wrong with what a module's function gave, and what was expected; null where nothing is. */
function faultOf(made: unknown): string | null {
  const form = "expected {name, description, parameters, run(args, context)}";
  if (!isRecord(made)) return `${made === null ? "null" : typeof made}, ${form}`;
  const { name, description, run } = made;
  if (typeof run !== "function") return `no function run, ${form}`;
  if (typeof name !== "string" || !/^[\w.-]+$/.test(name))
    return `the name ${JSON.stringify(name)}, expected one of letters, digits, _, - and dots`;
  if (typeof description !== "string" || description === "")
    return "no description, expected a text that tells the model what the tool does";
  return null;
}
