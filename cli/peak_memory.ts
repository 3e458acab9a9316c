/** How often it is looked, ms. */
const everyMs = 20;

/** The most memory of this process that was resident while it was watched, in bytes. */
export class PeakMemory implements Disposable {
  readonly #before = most();
  readonly #timer = setInterval(() => this.#look(), everyMs).unref();
  #seen = 0;

  constructor() {
    this.#look();
  }

  /** Exact where it was the most that the process ever had; else by looking now and then. */
  get bytes(): number {
    this.#look();
    const all = most();
    return all > this.#before ? all : this.#seen;
  }

  #look(): void {
    this.#seen = Math.max(this.#seen, process.memoryUsage.rss());
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The most that the process ever had. */
function most(): number {
  return 1024 * process.resourceUsage().maxRSS;
}
