/** Parts of a reward, by name. */
export type Parts = Readonly<Record<string, number>>;

/** Σ weight · part. */
export function weigh(parts: Parts, weightOf: (name: string) => number): number {
  return Object.entries(parts).reduce((sum, [name, value]) => sum + weightOf(name) * value, 0);
}
