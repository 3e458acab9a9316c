import type { Size } from "../../images/image.ts";
import { base64 } from "./base64.ts";

/** Characters that one sequence may carry. */
const CHUNK = 4096;

/** A PNG file in the graphics protocol of Kitty, over so many cells; the terminal is asked not to answer. */
export function kittyPicture(png: Uint8Array, { width, height }: Size): string {
  const text = base64(png);
  const chunks = Math.max(1, Math.ceil(text.length / CHUNK));
  return Array.from({ length: chunks }, (_, i) => {
    const about = i === 0 ? `a=T,f=100,q=2,c=${width},r=${height},` : "";
    const more = i < chunks - 1 ? 1 : 0;
    return `\u001b_G${about}m=${more};${text.slice(i * CHUNK, (i + 1) * CHUNK)}\u001b\\`;
  }).join("");
}
