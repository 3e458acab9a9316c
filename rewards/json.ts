/** A JSON value that a text is; undefined where it is none, or a bare number or word. */
export function jsonIn(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * How much two JSON texts have in common, 0 to 1: twice the fields that are in both with one value over the fields of both
 * (Dice). Fields are told by their whole path, so that the order of keys means nothing and that of lists does; texts are
 * compared without case and the white space around them. 0 where one is no JSON object or list.
 */
export function jsonScore(answer: string, truth: string): number {
  const [given, wanted] = [jsonIn(answer), jsonIn(truth)];
  if (given === undefined || wanted === undefined) return 0;
  const [a, b] = [fieldsOf(given), fieldsOf(wanted)];
  const shared = [...a].filter(([path, value]) => b.has(path) && b.get(path) === value).length;
  return (2 * shared) / (a.size + b.size);
}

/** Everything that a value says, by its path; what is empty says that it is. */
function fieldsOf(value: unknown): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  const open: [string, unknown][] = [["", value]];
  for (let next = open.pop(); next; next = open.pop()) {
    const [path, at] = next;
    const entries = typeof at === "object" && at !== null ? Object.entries(at) : [];
    for (const [key, child] of entries) open.push([`${path}/${JSON.stringify(key)}`, child]);
    if (entries.length === 0) fields.set(path, leafOf(at));
  }
  return fields;
}

function leafOf(value: unknown): unknown {
  if (typeof value === "string") return `"${value.trim().toLowerCase()}`;
  return typeof value === "object" && value !== null ? (Array.isArray(value) ? "[]" : "{}") : value;
}
