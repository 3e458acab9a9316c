import { expect } from "vitest";
import { readReferenceTensors } from "../reference_dir.ts";

/** Every element within an absolute tolerance. */
export function expectClose(actual: Float32Array | undefined, wanted: Float32Array, tolerance: number): void {
  expect(actual?.length).toBe(wanted.length);
  const worst = wanted.reduce((most, x, i) => Math.max(most, Math.abs(x - (actual?.[i] ?? Number.NaN))), 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

/**
 * Every gradient under `d:` and its name against a file of the reference: within 5e-5 of each element, and
 * 2e-4 of each tensor's norm, where norms below a thousandth of the largest count as that.
 */
export async function expectGradients(actual: Record<string, Float32Array>, file: string): Promise<void> {
  const wanted = [...(await readReferenceTensors(file))].map(
    ([name, { data }]) => [name, data as Float32Array] as const,
  );
  const norm = (x: Float32Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
  const floor = 1e-3 * Math.max(...wanted.map(([, data]) => norm(data)));
  for (const [name, data] of wanted) {
    const own = actual[`d:${name}`];
    expectClose(own, data, 5e-5);
    const difference = data.map((x, i) => x - (own?.[i] ?? Number.NaN));
    expect(norm(difference) / Math.max(norm(data), floor), name).toBeLessThanOrEqual(2e-4);
  }
}
