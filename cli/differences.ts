import { isRecord } from "../common/json.ts";

/** Settings that may change while a run goes on, for no result depends on them. */
const free: readonly string[] = ["out", "checkpoint", "watch"];

/** The settings in which two configurations differ and that results depend on, such as "rounds: 3 → 4". */
export function differences(before: unknown, after: unknown, path: readonly string[] = []): string[] {
  if (path.length === 1 && free.includes(path[0] as string)) return [];
  if (isRecord(before) && isRecord(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => differences(before[key], after[key], [...path, key]));
  }
  const [a, b] = [JSON.stringify(before), JSON.stringify(after)];
  return a === b ? [] : [`${path.join(".")}: ${a} → ${b}`];
}
