/** Two lists of one length as pairs. Throws a `RangeError` where one is longer. */
export function zip<A, B>(a: readonly A[], b: readonly B[]): [A, B][] {
  if (a.length !== b.length) throw new RangeError(`lists of ${a.length} and ${b.length} do not go together`);
  return a.map((first, i) => [first, b[i] as B]);
}
