import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { decodeImage, isTooLarge } from "../../../images/decode.ts";
import type { RgbImage } from "../../../images/image.ts";
import type { TurnPart } from "../../../policy/port.ts";
import { ToolFault } from "../tool.ts";

/**
 * A server's answer as parts of a turn. Throws a `ToolFault`, "failed" where it is an error, "tooLarge" where it has a picture
 * that is, and a `VisplayError` where one is broken.
 */
export async function turnPartsOf(result: { readonly [key: string]: unknown }): Promise<TurnPart[]> {
  const { content, structuredContent, isError } = result as Partial<CallToolResult>;
  const parts: TurnPart[] = [];
  for (const each of content ?? []) parts.push(await partOf(each));
  if (parts.length === 0 && structuredContent !== undefined) parts.push(JSON.stringify(structuredContent));
  if (!isError) return parts;
  const texts = parts.filter((part) => typeof part === "string");
  throw new ToolFault("failed", texts.join("\n") || "its server says no more");
}

async function pictureOf(bytes: Uint8Array): Promise<RgbImage> {
  try {
    return await decodeImage(bytes, null);
  } catch (error) {
    if (isTooLarge(error)) throw new ToolFault("tooLarge", `a picture: ${error.message}`, { cause: error });
    throw error;
  }
}

async function partOf(content: CallToolResult["content"][number]): Promise<TurnPart> {
  switch (content.type) {
    case "text":
      return content.text;
    case "image":
      return pictureOf(Buffer.from(content.data, "base64"));
    case "resource_link":
      return `${content.name}: ${content.uri}`;
    case "resource":
      return "text" in content.resource ? content.resource.text : `${content.resource.uri} (not shown)`;
    case "audio":
      return `a sound, ${content.mimeType} (not played)`;
  }
}
