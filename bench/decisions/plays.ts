import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { mean } from "../../arena/statistics.ts";
import { replaceFile } from "../../common/disk.ts";

/** What a play came to, by figure. */
export type Outcome = Readonly<Record<string, number>>;

/** What is played for each seed, in a folder of its own; plays of a seed go on from the folders of those before. */
export interface Play {
  readonly name: string;
  outcome(seed: number, folder: string): Promise<Outcome>;
}

/** Plays by name and seed, kept in a file as they end, so that a bench that was interrupted goes on. */
export class Plays {
  readonly #folder: string;
  readonly #known: Record<string, Outcome>;

  private constructor(folder: string, known: Record<string, Outcome>) {
    this.#folder = folder;
    this.#known = known;
  }

  static async open(folder: string): Promise<Plays> {
    const file = fileIn(folder);
    return new Plays(folder, existsSync(file) ? JSON.parse(await readFile(file, "utf8")) : {});
  }

  /** Plays what was not played before. */
  async play({ name, outcome }: Play, seed: number): Promise<void> {
    const key = keyOf(name, seed);
    if (this.#known[key]) return;
    process.stderr.write(`${key} …\n`);
    this.#known[key] = await outcome(seed, join(this.#folder, `seed-${seed}`));
    await replaceFile(fileIn(this.#folder), `${JSON.stringify(this.#known, null, 2)}\n`);
  }

  /** A figure of each seed that was played. */
  valuesOf(name: string, figure: string, seeds: number): number[] {
    return Array.from({ length: seeds }, (_, seed) => this.#known[keyOf(name, seed)]?.[figure]).filter(
      (value) => value !== undefined,
    );
  }

  /** Its mean; NaN where none was played. */
  meanOf(name: string, figure: string, seeds: number): number {
    const values = this.valuesOf(name, figure, seeds);
    return values.length === 0 ? Number.NaN : mean(values);
  }
}

function keyOf(name: string, seed: number): string {
  return `${name} ${seed}`;
}

function fileIn(folder: string): string {
  return join(folder, "plays.json");
}
