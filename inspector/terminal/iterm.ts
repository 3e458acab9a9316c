import type { Size } from "../../images/image.ts";
import { base64 } from "./base64.ts";

/** An image file as iTerm2 and others show it within a line, over so many cells. */
export function itermPicture(file: Uint8Array, { width, height }: Size): string {
  const about = `inline=1;size=${file.length};width=${width};height=${height};preserveAspectRatio=1`;
  return `\u001b]1337;File=${about}:${base64(file)}\u0007`;
}
