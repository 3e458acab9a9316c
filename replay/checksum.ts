import { crc32 } from "node:zlib";
import type { Value } from "./sqlite.ts";

type Table =
  | "events"
  | "episodes"
  | "rollouts"
  | "answers"
  | "phases"
  | "curriculum"
  | "run_images"
  | "run_inputs";

/**
 * Columns of each table that a checksum covers, with what the row's numbers of other rows stand for. New ones come at
 * the end, and are null in older rows, so that their checksums stay.
 */
const covered: Readonly<Record<Table, readonly string[]>> = {
  events: "id attempt at_ms type body".split(" "),
  episodes: (
    "id attempt at_ms phase round step content position name prompt_text templated questioner_version " +
    "reasoner_version rollouts answers reward advantage confidence length truncated question label view versions turns tools_text"
  ).split(" "),
  rollouts: (
    "id text tokens log_probs truncated reward advantage parts_names parts checks_names checks outcome vote " +
    "failure question own_answer silver confidence votes abstentions parse_failures samples rejection label " +
    "reference_log_probs trajectory verified attribution described solution"
  ).split(" "),
  answers: "id rollout blind text tokens log_probs truncated outcome vote failure trajectory verified".split(
    " ",
  ),
  phases: "id stage name role type".split(" "),
  curriculum: "round place event content position name question label confidence solution description".split(
    " ",
  ),
  run_images: "position name bytes changed_ms content".split(" "),
  run_inputs: "name sha256".split(" "),
};

/**
 * CRC-32 over rows one after the other, as they are written and as they are read again: any single bit that changes
 * in what they hold shows.
 */
export class Checksum {
  #crc = 0;

  /** Takes one more row of a table; a column that it lacks is null. */
  add(table: Table, row: Readonly<Record<string, Value>>): this {
    const values = covered[table].map((column) => row[column] ?? null);
    const plain = values.map((value) => (isBytes(value) ? value.length : value));
    while (plain.at(-1) === null) plain.pop();
    this.#crc = crc32(JSON.stringify(plain), this.#crc);
    // Of nothing, the CRC is 0, whatever came before.
    for (const value of values) if (isBytes(value) && value.length > 0) this.#crc = crc32(value, this.#crc);
    return this;
  }

  get value(): number {
    return this.#crc;
  }
}

function isBytes(value: Value): value is string | Uint8Array {
  return typeof value === "string" || value instanceof Uint8Array;
}
