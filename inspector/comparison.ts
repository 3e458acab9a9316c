import type { EpisodeHead, EpisodeQuery } from "../replay/query.ts";
import type { ReplayReader } from "../replay/reader.ts";
import type { Comparison, Pair } from "./answers.ts";
import { evenly } from "./lists.ts";

/** Episodes of each side that are looked at, and pairs that are shown, at most. */
const LOOKED_AT = 4000;
const SHOWN = 500;

/** One side of a comparison: episodes of a run. */
export interface Side {
  readonly reader: ReplayReader;
  readonly query: EpisodeQuery;
}

/** The questions that were put about the same images on both sides, those whose outcome differs first. */
export function comparisonOf(left: Side, right: Side): Comparison {
  const [before, after] = [left, right].map(lastByTask) as [Looked, Looked];
  const pairs = [...before.byTask].flatMap(([task, head]): Pair[] => {
    const other = after.byTask.get(task);
    if (!other || (other.id === head.id && left.reader === right.reader)) return [];
    return [{ left: head, right: other, flipped: outcomeOf(head) !== outcomeOf(other) }];
  });
  const flipped = pairs.filter((pair) => pair.flipped);
  const distance = ({ left: a, right: b }: Pair) => Math.abs((a.reward ?? 0) - (b.reward ?? 0));
  const ordered = pairs.sort((a, b) => Number(b.flipped) - Number(a.flipped) || distance(b) - distance(a));
  return {
    pairs: ordered.slice(0, SHOWN),
    total: pairs.length,
    flipped: flipped.length,
    sides: [before, after].map(({ looked, of }) => ({ looked, of })) as unknown as Comparison["sides"],
  };
}

interface Looked {
  /** The last episode about each task. */
  readonly byTask: ReadonlyMap<string, EpisodeHead>;
  readonly looked: number;
  readonly of: number;
}

function lastByTask({ reader, query }: Side): Looked {
  const ids = reader.order({ ...query, sort: { by: "time", order: "ascending" } });
  const looked = evenly(ids, LOOKED_AT);
  const heads = reader.heads(looked).flatMap((head) => head ?? []);
  return {
    byTask: new Map(heads.map((head) => [`${head.image.id}\n${head.question}`, head])),
    looked: looked.length,
    of: ids.length,
  };
}

/** Whether most answers agreed with the label; for questions, whether they were worth asking. */
function outcomeOf({ measures, reward }: EpisodeHead): boolean {
  return (measures["part:agreement"] ?? reward ?? 0) > 0.5;
}
