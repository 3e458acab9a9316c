import { isDeepStrictEqual } from "node:util";
import type { FunctionTool } from "../../common/tool_call.ts";
import { readCall } from "../../common/tool_call.ts";

import type { ChatMessage } from "./chat_message.ts";

const tool: FunctionTool = {
  type: "function",
  function: {
    name: "look_up",
    description: "finds what is asked",
    parameters: {
      type: "object",
      properties: {
        words: { type: "array", items: { type: "string" } },
        most: { type: "integer" },
        year: { type: "string" },
      },
    },
  },
};
const call = { name: "look_up", arguments: { words: ["a", "b"], most: 3, year: "1984" } };
const answer = "nothing was found";

const conversation: readonly ChatMessage[] = [
  { role: "user", content: [{ type: "image" }, { type: "text", text: "?" }] },
  {
    role: "assistant",
    content: [{ type: "text", text: "" }],
    tool_calls: [{ type: "function", function: call }],
  },
  { role: "tool", content: [{ type: "text", text: answer }] },
];

/**
 * Whether a chat template tells of tools, writes calls of them in a form in which they are read here, and shows what they
 * answer. A model of any other template is told of tools in turns.
 */
export function hasToolForm(
  render: (messages: readonly ChatMessage[], asks: boolean, tools: readonly FunctionTool[]) => string,
): boolean {
  try {
    const text = render(conversation, true, [tool]);
    const isTold = text.includes(tool.function.description) && text.includes(answer);
    return isTold && isDeepStrictEqual(readCall(text, [tool])?.call, call);
  } catch {
    return false;
  }
}
