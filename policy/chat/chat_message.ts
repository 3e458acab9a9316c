import type { ToolCall } from "../../common/tool_call.ts";

/** A turn of a conversation, as chat templates take it. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: readonly ChatPart[];
  readonly tool_calls?: readonly ChatCall[];
}

/** A call of a tool, as chat templates take it. */
export interface ChatCall {
  readonly type: "function";
  readonly function: ToolCall;
}

export type ChatPart = { readonly type: "image" } | { readonly type: "text"; readonly text: string };
