/** A group of sequences that a replica samples. */
export interface SampledGroup {
  /** Tokens of its prompt, which are read once. */
  readonly promptTokens: number;
  /** Tokens of each completion, [G]. */
  readonly lengths: readonly number[];
}

/** How fast an engine samples. */
export interface Speed {
  /** Of one replica, all sequences together, tokens/s. */
  readonly tokensPerSecond: number;
  /** Of one sequence at most, tokens/s. */
  readonly sequenceTokensPerSecond: number;
  /** Of prompts, tokens/s; whoever reads does not write meanwhile. */
  readonly prefillTokensPerSecond: number;
  /** Sequences at once; others wait. */
  readonly slots: number;
}

interface Sequence {
  readonly group: number;
  /** The replica's progress when it is whole. */
  readonly end: number;
}

interface Waiting {
  readonly group: number;
  readonly length: number;
  /** What its prompt takes, where it is the first of its group. */
  readonly prefillS: number;
}

/**
 * One replica of an engine that batches continuously: all of its sequences grow at the same rate, so that one number, the tokens
 * that a sequence has been given since the beginning, says how far each of them is.
 */
export class Replica {
  readonly #speed: Speed;
  readonly #active: Sequence[] = [];
  readonly #queue: Waiting[] = [];
  readonly #left = new Map<number, number>();
  #progress = 0;
  #nowS = 0;
  /** Time that is still to be spent on prompts. */
  #prefillS = 0;

  constructor(speed: Speed) {
    this.#speed = speed;
  }

  /** Sequences that it has not finished. */
  get load(): number {
    return this.#active.length + this.#queue.length;
  }

  /** Takes a group on. */
  add(nowS: number, group: number, { promptTokens, lengths }: SampledGroup): void {
    this.#passTo(nowS);
    this.#left.set(group, lengths.length);
    const prefillS = promptTokens / this.#speed.prefillTokensPerSecond;
    for (const [i, length] of lengths.entries())
      this.#queue.push({ group, length, prefillS: i === 0 ? prefillS : 0 });
    this.#fill();
  }

  /** When its next sequence is whole, if nothing comes meanwhile; never for one without work. */
  get nextS(): number {
    const [first] = this.#active;
    if (!first) return Number.POSITIVE_INFINITY;
    return this.#nowS + this.#prefillS + (first.end - this.#progress) / this.#rate;
  }

  /** Moves on to when a sequence is whole; the group that is whole with it, if one is. */
  finish(): number | null {
    const [first] = this.#active;
    if (!first) return null;
    this.#passTo(this.nextS);
    this.#progress = first.end;
    this.#active.shift();
    const left = (this.#left.get(first.group) as number) - 1;
    this.#left.set(first.group, left);
    this.#fill();
    return left === 0 ? first.group : null;
  }

  get #rate(): number {
    const { tokensPerSecond, sequenceTokensPerSecond } = this.#speed;
    return Math.min(sequenceTokensPerSecond, tokensPerSecond / this.#active.length);
  }

  #passTo(nowS: number): void {
    const passed = nowS - this.#nowS;
    const read = Math.min(passed, this.#prefillS);
    this.#prefillS -= read;
    if (this.#active.length > 0) this.#progress += (passed - read) * this.#rate;
    this.#nowS = nowS;
  }

  /** Keeps the active ones in the order of their ends. */
  #fill(): void {
    while (this.#queue.length > 0 && this.#active.length < this.#speed.slots) {
      const { group, length, prefillS } = this.#queue.shift() as Waiting;
      const end = this.#progress + length;
      const place = this.#active.findIndex((each) => each.end > end);
      this.#active.splice(place < 0 ? this.#active.length : place, 0, { group, end });
      this.#prefillS += prefillS;
    }
  }
}
