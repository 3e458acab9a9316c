import type { RgbImage } from "../../images/image.ts";
import { type Tool, ToolFault } from "../tools/tool.ts";
import type { PictureClaim } from "./claim_checker.ts";

/**
 * What a tool that answers in JSON says of the picture of each claim, [claims], each picture asked once; null where its call
 * went wrong.
 */
export async function toolAnswers(
  tool: Tool,
  given: object,
  claims: readonly PictureClaim[],
  signal: AbortSignal = new AbortController().signal,
): Promise<unknown[]> {
  const answers = new Map<string, Promise<unknown>>();
  for (const { image } of claims)
    if (!answers.has(image.id)) answers.set(image.id, answerAbout(tool, given, image, signal));
  return Promise.all(claims.map(({ image }) => answers.get(image.id)));
}

async function answerAbout(tool: Tool, given: object, image: RgbImage, signal: AbortSignal) {
  try {
    const [text] = await tool.run(tool.arguments.parse(given), {
      images: [image],
      before: [],
      seed: 0,
      signal,
    });
    return JSON.parse(text as string) as unknown;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ToolFault) return null;
    throw error;
  }
}
