import { ToolFault } from "./tool.ts";

/** Where a call begins and ends in what a policy says. */
export const callTags = { open: "<tool_call>", close: "</tool_call>" } as const;

/** A call as it was written. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: unknown;
}

/**
 * The last call in a text, `<tool_call>{"name": …, "arguments": {…}}</tool_call>`; null where there is none. Throws a
 * `ToolFault` "notJson" where what stands there is no call, or was cut off.
 */
export function callIn(text: string): ToolCall | null {
  const start = text.lastIndexOf(callTags.open);
  if (start < 0) return null;
  const rest = text.slice(start + callTags.open.length);
  const end = rest.indexOf(callTags.close);
  if (end < 0) throw new ToolFault("notJson", `found a call without ${callTags.close}`);
  const written = rest.slice(0, end).trim();
  let call: unknown;
  try {
    call = JSON.parse(written);
  } catch (error) {
    throw new ToolFault("notJson", `found what is no JSON (${(error as Error).message})`);
  }
  const { name, arguments: given = {} } = (call ?? {}) as Partial<ToolCall>;
  if (typeof name === "string") return { name, arguments: given };
  throw new ToolFault("notJson", 'found a call without a name, expected {"name": …, "arguments": {…}}');
}
