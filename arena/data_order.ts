import { deriveSeed, mix } from "../common/random.ts";

/** Which items stand at `count` positions from the first on; see `itemAt`. */
export function itemsAt(seed: number, first: number, count: number, length: number): number[] {
  return Array.from({ length: count }, (_, i) => itemAt(seed, first + i, length));
}

/**
 * The same from a sequence whose order is the same in every epoch: whatever comes again, all others came in between.
 */
export function itemsInTurn(seed: number, first: number, count: number, length: number): number[] {
  return Array.from({ length: count }, (_, i) => itemAt(seed, (first + i) % length, length));
}

/**
 * Which of `length` items stands at a position of an endless shuffled sequence. Every `length` positions are one
 * epoch, which visits each item once in an order of its own. A pure function, in constant memory: there is no
 * cursor to save and no list to shuffle, whatever the number of items.
 */
export function itemAt(seed: number, position: number, length: number): number {
  const key = deriveSeed(seed, "epoch", Math.floor(position / length));
  const halfBits = Math.max(1, Math.ceil(Math.log2(length) / 2));
  let index = position % length;
  do index = feistel(key, index, halfBits);
  while (index >= length);
  return index;
}

/** A keyed permutation of [0, 4^halfBits): a Feistel network of six rounds. */
function feistel(key: number, index: number, halfBits: number): number {
  const size = 2 ** halfBits;
  let left = Math.floor(index / size);
  let right = index % size;
  for (let round = 0; round < 6; round++) {
    [left, right] = [right, (left ^ mix(key + round, right)) & (size - 1)];
  }
  return left * size + right;
}
