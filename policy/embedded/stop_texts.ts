/** Texts that end a completion, whatever tokens spell them. */
export class StopTexts {
  readonly #texts: readonly string[];
  readonly #decode: (tokens: readonly number[]) => string;
  /** By token: whether its own text holds a character that ends one of the texts. */
  readonly #mayEnd = new Map<number, boolean>();
  readonly #longest: number;

  constructor(texts: readonly string[], decode: (tokens: readonly number[]) => string) {
    this.#texts = texts;
    this.#decode = decode;
    this.#longest = Math.max(0, ...texts.map(({ length }) => length));
  }

  /** Whether the newest of a completion's tokens completed one of them. */
  isReached(tokens: readonly number[]): boolean {
    const newest = tokens.at(-1);
    if (this.#texts.length === 0 || newest === undefined || !this.#canEnd(newest)) return false;
    // A token spells a character at least.
    const tail = this.#decode(tokens.slice(-this.#longest));
    return this.#texts.some((text) => tail.includes(text));
  }

  #canEnd(token: number): boolean {
    const known = this.#mayEnd.get(token);
    if (known !== undefined) return known;
    const own = this.#decode([token]);
    const may = this.#texts.some((text) => own.includes(text.slice(-1)));
    this.#mayEnd.set(token, may);
    return may;
  }
}
