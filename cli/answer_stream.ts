import { type TokenTape, tokensOn } from "../policy/token_tape.ts";

const intervalMs = 30;

/** A completion's text as it grows, handed on in parts while it is sampled; dispose of it when that is over. */
export class AnswerStream implements Disposable {
  readonly #tape: TokenTape;
  readonly #decode: (tokens: Int32Array) => string;
  readonly #write: (part: string) => void;
  readonly #timer: NodeJS.Timeout;
  #shown = "";

  constructor(tape: TokenTape, decode: (tokens: Int32Array) => string, write: (part: string) => void) {
    this.#tape = tape;
    this.#decode = decode;
    this.#write = write;
    this.#timer = setInterval(() => this.look(), intervalMs);
  }

  /** Hands on what has come since it was last looked at. */
  look(): void {
    // Of a letter of several tokens, what has come so far reads as U+FFFD.
    const text = this.#decode(tokensOn(this.#tape))
      .trimStart()
      .replace(/[\s\uFFFD]+$/, "");
    if (text.startsWith(this.#shown)) this.#show(text);
  }

  /** Hands on the rest of what came out. */
  end(text: string): void {
    if (!text.startsWith(this.#shown)) {
      this.#write("\n");
      this.#shown = "";
    }
    this.#show(text);
  }

  #show(text: string): void {
    const part = text.slice(this.#shown.length);
    if (part !== "") this.#write(part);
    this.#shown = text;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
