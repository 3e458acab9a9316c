/** How templates of Python's write what JSON writes otherwise. */
const ofPython: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["True", true],
  ["False", false],
  ["None", null],
]);

/**
 * The value that stands between tags: a text where its JSON Schema takes texts (but for `null` where that is taken, too), else
 * what it is as JSON, or the text that it is otherwise.
 */
export function readTaggedValue(text: string, schema: unknown): unknown {
  const types = typesOf(schema);
  const isNull = text === "null" || text === "None";
  if (types.has("string") && !(isNull && types.has("null"))) return text;
  if (ofPython.has(text)) return ofPython.get(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The types of what a schema takes, as far as it says them. */
function typesOf(schema: unknown): ReadonlySet<string> {
  const {
    type,
    anyOf,
    oneOf,
    enum: values,
    const: value,
  } = (schema ?? {}) as Readonly<Record<string, unknown>>;
  const texts = [values, value].flat().some((each) => typeof each === "string") ? ["string"] : [];
  const own = [type].flat().filter((each) => typeof each === "string");
  const ways = [anyOf, oneOf].flat().flatMap((way) => (way === undefined ? [] : [...typesOf(way)]));
  return new Set([...own, ...texts, ...ways]);
}
