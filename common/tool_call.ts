import { readTaggedValue } from "./tagged_value.ts";

/** Where a call of a tool begins and ends in what a policy says. */
export const callTags = { open: "<tool_call>", close: "</tool_call>" } as const;

/** What stands around a tool's answer where no chat template puts tags there. */
export const responseTags = { open: "<tool_response>", close: "</tool_response>" } as const;

/** A function that a policy may call, as chat templates take it. */
export interface FunctionTool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description: string;
    /** The JSON Schema of its arguments, an object. */
    readonly parameters: Readonly<Record<string, unknown>>;
  };
}

/** A call as it was written. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: unknown;
}

/** A tool with the JSON Schema of its arguments. */
export interface DescribedTool {
  readonly function: { readonly name: string; readonly parameters: Readonly<Record<string, unknown>> };
}

/** A call in a text. */
export interface WrittenCall {
  readonly call: ToolCall;
  /** What stands before it. */
  readonly before: string;
}

/** What stands where a call should is none. */
export class UnreadableCall extends Error {}

/**
 * The last call in a text, `<tool_call>{"name": …, "arguments": {…}}</tool_call>` or, as Qwen3.5 writes it,
 * `<tool_call><function=NAME><parameter=NAME>VALUE</parameter>…</function></tool_call>`, whose values have the types that
 * `tools` say; null where there is none. Throws an `UnreadableCall` where what stands there is no call, or was cut off.
 */
export function readCall(text: string, tools: readonly DescribedTool[] = []): WrittenCall | null {
  const start = text.lastIndexOf(callTags.open);
  if (start < 0) return null;
  const rest = text.slice(start + callTags.open.length);
  const end = rest.indexOf(callTags.close);
  if (end < 0) throw new UnreadableCall(`found a call without ${callTags.close}`);
  const written = rest.slice(0, end).trim();
  const call = written.startsWith("<") ? readTaggedCall(written, tools) : readJsonCall(written);
  return { call, before: text.slice(0, start) };
}

function readJsonCall(text: string): ToolCall {
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch (error) {
    throw new UnreadableCall(`found what is no JSON (${(error as Error).message})`);
  }
  const { name, arguments: given = {} } = (written ?? {}) as Partial<ToolCall>;
  if (typeof name === "string") return { name, arguments: given };
  throw new UnreadableCall('found a call without a name, expected {"name": …, "arguments": {…}}');
}

const taggedForm = /^<function=([^>\n]+)>(.*)<\/function>$/s;
/** A line break after the opening tag, and one before the closing one, are none of the value's. */
const parameterForm = /\s*<parameter=([^>\n]+)>\n?(.*?)\n?<\/parameter>\s*/sy;

function readTaggedCall(text: string, tools: readonly DescribedTool[]): ToolCall {
  const [, name, body] = taggedForm.exec(text) ?? [];
  const form = "<function=NAME><parameter=NAME>VALUE</parameter>…</function>";
  if (name === undefined || body === undefined)
    throw new UnreadableCall(`found no call between the tags, expected ${form}`);
  const described = tools.find((tool) => tool.function.name === name)?.function.parameters.properties;
  const schemas = new Map(Object.entries((described ?? {}) as Record<string, unknown>));
  const given: [string, unknown][] = [];
  let at = 0;
  for (;;) {
    parameterForm.lastIndex = at;
    const [all, parameter, value] = parameterForm.exec(body) ?? [];
    if (all === undefined || parameter === undefined || value === undefined) break;
    given.push([parameter, readTaggedValue(value, schemas.get(parameter))]);
    at += all.length;
  }
  if (body.slice(at).trim() === "") return { name, arguments: Object.fromEntries(given) };
  throw new UnreadableCall(`found ${JSON.stringify(body.slice(at).trim().slice(0, 40))}, expected ${form}`);
}
