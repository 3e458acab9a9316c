import type { ImageFormat } from "./format.ts";

/** What is wrong with an image, without its name. */
export class Refusal extends Error {}

/** An image of more pixels than it may have. */
export class TooManyPixels extends Refusal {}

/** A whole file of a kind that is not read. */
export function unsupportedError(format: ImageFormat, found: string): Refusal {
  return new Refusal(`found an unsupported ${format} file (${found}); convert it, for example to PNG`);
}

/** A file that is not what its format demands. */
export function damagedError(format: ImageFormat, found: string, cause?: unknown): Refusal {
  return new Refusal(`found a damaged ${format} file (${found})`, { cause });
}
