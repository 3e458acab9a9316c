/** The items of an order, as numbers or words one after the other. */
export function orderIn(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The share of items that stand in their places, 0 to 1; 0 where other items are given than are wanted. */
export function orderScore(answer: string, truth: string): number {
  const [given, wanted] = [orderIn(answer), orderIn(truth)];
  if (wanted.length === 0 || given.toSorted().join() !== wanted.toSorted().join()) return 0;
  return given.filter((item, place) => item === wanted[place]).length / wanted.length;
}
