/** The items of a list in any order, each once, without case: between commas, semicolons, lines and "and", or a JSON list. */
export function itemsIn(text: string): Set<string> {
  const items = listOf(text) ?? text.split(/[,;\n]|\band\b/i);
  return new Set(items.map((item) => fold(String(item))).filter((item) => item !== ""));
}

/** How far two texts say the same items, 0 to 1: twice those that are in both over those of both (F1). */
export function setScore(answer: string, truth: string): number {
  const [given, wanted] = [itemsIn(answer), itemsIn(truth)];
  if (given.size + wanted.size === 0) return 0;
  const shared = [...given].filter((item) => wanted.has(item)).length;
  return (2 * shared) / (given.size + wanted.size);
}

function listOf(text: string): unknown[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function fold(item: string): string {
  return item
    .trim()
    .toLowerCase()
    .replace(/^(?:[-*•]|\d+[.)])\s+|[.!]$/g, "");
}
