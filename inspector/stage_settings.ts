import { decimal } from "./format.ts";

type Settings = Readonly<Record<string, unknown>>;

/** Where the label of a group of answers is from, for people. */
export function labelSource({ data }: Settings, confidence: number): string {
  return data === undefined
    ? `which ${decimal(100 * confidence, 0)}% of the votes said`
    : "as it is labelled";
}

/**
 * The settings by which a stage, by the name that it was recorded under, taught a policy: its own where it has some, else,
 * in self-play, those of the policy's role.
 */
export function settingsOf(config: unknown, stage: string, role: string): Settings {
  const { stages = [], ...groups } = (config ?? {}) as { readonly stages?: readonly Settings[] } & Settings;
  const seen = new Map<unknown, number>();
  for (const each of stages) {
    const times = (seen.get(each.kind) ?? 0) + 1;
    seen.set(each.kind, times);
    if (stage === (times === 1 ? each.kind : `${each.kind}${times}`)) return each;
  }
  return (groups[role] ?? {}) as Settings;
}
