/**
 * Work beside a run, one piece after another. What fails is said in one line, the first time only, and nothing
 * ever rejects: whoever watches a run must not end it.
 */
export class SideWork {
  readonly #name: string;
  readonly #warn: (line: string) => void;
  #last: Promise<void> = Promise.resolve();
  #failed = false;

  constructor(name: string, warn: (line: string) => void) {
    this.#name = name;
    this.#warn = warn;
  }

  /** Whether a piece of work has failed. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Does a piece of work after those before it; resolves when it is done or has failed. */
  add(work: () => Promise<unknown>): Promise<void> {
    this.#last = this.#last.then(work).then(
      () => {},
      (error) => this.#note(error),
    );
    return this.#last;
  }

  /** Resolves when nothing is left to do. */
  idle(): Promise<void> {
    return this.#last;
  }

  #note(error: unknown): void {
    if (!this.#failed) {
      this.#warn(`${this.#name}: ${error instanceof Error ? error.message : error}; the run goes on`);
    }
    this.#failed = true;
  }
}
