/** What takes a policy long. */
const kinds = ["encoding", "sampling", "scoring", "updating"] as const;

export type ActivityKind = (typeof kinds)[number];

/** What a policy is at, and how much of it is done: tiles of images, sequences, or micro-batches. */
export interface Activity {
  readonly kind: ActivityKind;
  readonly done: number;
  readonly total: number;
  /** Sampled so far. */
  readonly tokens: number;
}

/** Kind, done, total and tokens of one thread, in memory that is read without asking it. */
export type ActivityCells = Int32Array<SharedArrayBuffer>;

function newCells(): ActivityCells {
  return new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT));
}

/** Says what a thread is at; of something that is all done, nothing. */
export class ActivityReport {
  readonly #cells: ActivityCells;

  /** Cells that nobody reads by default. */
  constructor(cells: ActivityCells = newCells()) {
    this.#cells = cells;
  }

  begin(kind: ActivityKind, total: number): void {
    this.#cells.set([kinds.indexOf(kind), 0, total, 0]);
  }

  advance(): void {
    this.#cells[1] = (this.#cells[1] as number) + 1;
  }

  token(): void {
    this.#cells[3] = (this.#cells[3] as number) + 1;
  }
}

/** Tells what a policy's threads are at, whenever somebody looks. */
export class ActivityView {
  readonly #threads: ActivityCells[] = [];

  /** Cells for one more thread. */
  join(): ActivityCells {
    const cells = newCells();
    this.#threads.push(cells);
    return cells;
  }

  /** Of threads that are at different things, what the first is at; null where all are idle. */
  get now(): Activity | null {
    const busy = this.#threads.map(activityOf).filter((each) => each.done < each.total);
    const [first] = busy;
    if (!first) return null;
    const same = busy.filter(({ kind }) => kind === first.kind);
    const sum = (of: "done" | "total" | "tokens") => same.reduce((all, each) => all + each[of], 0);
    return { kind: first.kind, done: sum("done"), total: sum("total"), tokens: sum("tokens") };
  }
}

function activityOf(cells: ActivityCells): Activity {
  const [kind, done, total, tokens] = cells as unknown as [number, number, number, number];
  return { kind: kinds[kind] as ActivityKind, done, total, tokens };
}
