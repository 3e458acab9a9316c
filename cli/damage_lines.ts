import { count } from "./format.ts";

/** Lines that say what was left out because it is damaged. */
export function damageLines(damaged: readonly string[]): string[] {
  if (damaged.length === 0) return [];
  const said = damaged.slice(0, 20).map((what) => `  ${what}`);
  const more = damaged.length > said.length ? [`  and ${count(damaged.length - said.length)} more`] : [];
  return [`left out, since they cannot be read (\`visplay replay check\` says more):`, ...said, ...more];
}
