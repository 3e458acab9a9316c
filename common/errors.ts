/**
 * What went wrong, by cause; each has an exit code of its own (`exitCodes`).
 * Messages say what was found, what was expected, and which setting to change.
 */
export type ErrorCode = keyof typeof exitCodes;

/** Process exit codes by cause; 1 is left to programming errors. */
export const exitCodes = {
  usage: 2,
  config: 3,
  model: 4,
  images: 5,
  disk: 6,
  numeric: 7,
  emptyCurriculum: 8,
  run: 9,
  collapse: 10,
  notARun: 11,
  damaged: 12,
  taughtNothing: 13,
  prompt: 14,
  data: 15,
  belowFloor: 16,
  engine: 17,
  cancelled: 130,
} as const;

/** The root of every error that a user can cause or repair. */
export class VisplayError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "VisplayError";
    this.code = code;
  }
}

/** Whether an error concerns one image or one prompt only. All others concern the whole: numbers, disk, programming. */
export function isFaultOfPrompt(error: unknown): error is VisplayError {
  return error instanceof VisplayError && (error.code === "images" || error.code === "prompt");
}

/** Why something ended before its end, for those who were not there. */
export interface Failure {
  /** A `VisplayError`'s, or "internal". */
  readonly code: string;
  readonly message: string;
}

/** What to tell of an error, whatever was thrown. */
export function failureOf(error: unknown): Failure {
  const code = error instanceof VisplayError ? error.code : "internal";
  return { code, message: error instanceof Error ? error.message : String(error) };
}
