import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { NamedFile, Row, SplitRow, Written } from "./row.ts";

/** One file of a split. */
export interface Shard<R = Row> extends AsyncDisposable {
  /** So far. */
  readonly bytes: number;
  add(row: R): Promise<void>;
  close(): Promise<Omit<NamedFile, "path">>;
}

/** Where a split's shard lies, of how many. */
export type ShardNames = (split: string, shard: number, shards: number) => string;

/** Each split in files of about so many bytes, the next one begun where one is full. */
export class Shards<R extends SplitRow = Row> implements AsyncDisposable {
  readonly #folder: string;
  readonly #mostBytes: number;
  readonly #name: ShardNames;
  readonly #open: (path: string) => Promise<Shard<R>>;
  readonly #current = new Map<string, Shard<R>>();
  readonly #closed = new Map<string, Omit<NamedFile, "path">[]>();

  constructor(
    folder: string,
    mostBytes: number,
    name: ShardNames,
    open: (path: string) => Promise<Shard<R>>,
  ) {
    this.#folder = folder;
    this.#mostBytes = mostBytes;
    this.#name = name;
    this.#open = open;
  }

  async add(row: R): Promise<void> {
    const { split } = row.item;
    const shard = this.#current.get(split) ?? (await this.#begin(split));
    await shard.add(row);
    if (shard.bytes >= this.#mostBytes) await this.#end(split, shard);
  }

  /** Gives the files their names, which say how many there are. */
  async finish(): Promise<Written> {
    for (const [split, shard] of this.#current) await this.#end(split, shard);
    const files: NamedFile[] = [];
    for (const [split, shards] of this.#closed)
      for (const [i, shard] of shards.entries()) {
        const path = this.#name(split, i, shards.length);
        await rename(this.#partial(split, i), join(this.#folder, path));
        files.push({ path, ...shard });
      }
    return { files, images: null };
  }

  async #begin(split: string): Promise<Shard<R>> {
    const path = this.#partial(split, this.#closed.get(split)?.length ?? 0);
    await mkdir(dirname(path), { recursive: true });
    const shard = await this.#open(path);
    this.#current.set(split, shard);
    return shard;
  }

  async #end(split: string, shard: Shard<R>): Promise<void> {
    const closed = this.#closed.get(split) ?? [];
    closed.push(await shard.close());
    this.#closed.set(split, closed);
    this.#current.delete(split);
  }

  #partial(split: string, shard: number): string {
    return join(this.#folder, dirname(this.#name(split, shard, 1)), `${split}-${shard}.partial`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const shard of this.#current.values()) await shard[Symbol.asyncDispose]();
  }
}
