/** By key, in the order in which the keys come up; each group in the order of the list. */
export function groupBy<K, T>(list: readonly T[], keyOf: (each: T, place: number) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const [place, each] of list.entries()) {
    const key = keyOf(each, place);
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  return groups;
}
