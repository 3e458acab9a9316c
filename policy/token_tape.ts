/**
 * The tokens of one completion while it is sampled, [1 + tokens]: how many there are, and their ids. In memory that another
 * thread reads whenever it looks, so that nobody who samples waits for a reader.
 */
export type TokenTape = Int32Array<SharedArrayBuffer>;

/** For as many tokens. */
export function newTape(tokens: number): TokenTape {
  return new Int32Array(new SharedArrayBuffer((1 + tokens) * Int32Array.BYTES_PER_ELEMENT));
}

export function writeToken(tape: TokenTape, token: number): void {
  const count = Atomics.load(tape, 0);
  tape[1 + count] = token;
  Atomics.store(tape, 0, count + 1);
}

/** Those that there are so far. */
export function tokensOn(tape: TokenTape): Int32Array {
  return tape.slice(1, 1 + Atomics.load(tape, 0));
}
