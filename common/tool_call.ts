/** Where a call of a tool begins and ends in what a policy says. */
export const callTags = { open: "<tool_call>", close: "</tool_call>" } as const;

/** What stands around a tool's answer where no chat template puts tags there. */
export const responseTags = { open: "<tool_response>", close: "</tool_response>" } as const;

/** A call as it was written. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: unknown;
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
 * The last call in a text, `<tool_call>{"name": …, "arguments": {…}}</tool_call>`; null where there is none. Throws an
 * `UnreadableCall` where what stands there is no call, or was cut off.
 */
export function readCall(text: string): WrittenCall | null {
  const start = text.lastIndexOf(callTags.open);
  if (start < 0) return null;
  const rest = text.slice(start + callTags.open.length);
  const end = rest.indexOf(callTags.close);
  if (end < 0) throw new UnreadableCall(`found a call without ${callTags.close}`);
  let written: unknown;
  try {
    written = JSON.parse(rest.slice(0, end).trim());
  } catch (error) {
    throw new UnreadableCall(`found what is no JSON (${(error as Error).message})`);
  }
  const { name, arguments: given = {} } = (written ?? {}) as Partial<ToolCall>;
  if (typeof name === "string") return { call: { name, arguments: given }, before: text.slice(0, start) };
  throw new UnreadableCall('found a call without a name, expected {"name": …, "arguments": {…}}');
}
