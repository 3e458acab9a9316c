import { VisplayError } from "../common/errors.ts";

// Small buffers share a pool: an ArrayBuffer for each completion would keep the garbage collector busy.

/** Token ids as unsigned LEB128 numbers: one byte below 128, two below 16,384. Throws on what is no token id. */
export function encodeTokens(tokens: readonly number[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(tokens.length * 5);
  let end = 0;
  for (const token of tokens) {
    if (token >>> 0 !== token) throw new RangeError(`found token id ${token}, expected 0 to 2^32 - 1`);
    let rest = token;
    for (; rest > 127; rest >>>= 7) bytes[end++] = (rest & 127) | 128;
    bytes[end++] = rest;
  }
  return bytes.subarray(0, end);
}

/** The token ids again. Throws "damaged" where the last one has no end. */
export function decodeTokens(bytes: Uint8Array): number[] {
  const tokens: number[] = [];
  let token = 0;
  let factor = 1;
  for (const byte of bytes) {
    token += (byte & 127) * factor;
    if (byte > 127) {
      factor *= 128;
      continue;
    }
    if (token >= 2 ** 32) throw new VisplayError("damaged", `found token id ${token}`);
    tokens.push(token);
    token = 0;
    factor = 1;
  }
  if (factor > 1) throw new VisplayError("damaged", "found token ids that end in the middle of one");
  return tokens;
}

/** Log-probabilities as float32, little-endian. */
export function encodeLogProbs(logProbs: readonly number[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(logProbs.length * 4);
  for (const [i, value] of logProbs.entries()) bytes.writeFloatLE(value, i * 4);
  return bytes;
}

/** The log-probabilities again, each the number that float32 keeps of it. Throws "damaged" for a wrong size. */
export function decodeLogProbs(bytes: Uint8Array): number[] {
  if (bytes.length % 4 !== 0) {
    throw new VisplayError(
      "damaged",
      `found ${bytes.length} bytes of log-probabilities, expected whole float32`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(i * 4, true));
}

/** Stands in a stored prompt for the question, so that prompts that differ only in it are stored once. */
const QUESTION_MARK = "\ufffc";

/** A prompt as it is stored; `templated` if the question was taken out of it. */
export interface StoredPrompt {
  readonly text: string;
  readonly templated: boolean;
}

/** Takes the question out of a prompt, where that can be undone. */
export function storedPrompt(prompt: string, question: string | null): StoredPrompt {
  const at = question && !`${prompt}${question}`.includes(QUESTION_MARK) ? prompt.indexOf(question) : -1;
  if (!question || at < 0) return { text: prompt, templated: false };
  const text = prompt.slice(0, at) + QUESTION_MARK + prompt.slice(at + question.length);
  return { text, templated: true };
}

/** The prompt again. */
export function filledPrompt({ text, templated }: StoredPrompt, question: string | null): string {
  return templated ? text.replace(QUESTION_MARK, () => question ?? "") : text;
}
